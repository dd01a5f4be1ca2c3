"""What every part of the server uses: context, clock, store, errors, paging, paths, JSON bodies."""
