"""The HTTP server: routing, authentication, the workspaces by token, the admin routes."""
