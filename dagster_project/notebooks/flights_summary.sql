-- The year in five lines, one from each table of main.silver. Ties go to the first name.
CREATE SCHEMA IF NOT EXISTS main.gold;

CREATE OR REPLACE TABLE main.gold.flights_summary
COMMENT 'The year in five lines'
AS
WITH days AS (
  SELECT CAST(flight_date AS STRING) AS answer, sum(flights) AS total, CAST(sum(cancelled) AS DOUBLE) AS value
  FROM main.silver.daily_traffic
  GROUP BY flight_date
),
carriers AS (
  SELECT
    max(airline) AS answer,
    sum(flights) AS total,
    round(100.0D * sum(arrived_late) / sum(departed), 1) AS value
  FROM main.silver.carrier_delays
  GROUP BY carrier
),
routes AS (
  SELECT concat(origin, ' - ', dest_name) AS answer, flights AS total, miles_per_hour AS value
  FROM main.silver.route_statistics
),
aircraft AS (
  SELECT
    concat(tailnum, ' ', coalesce(concat(manufacturer, ' ', model), '(unknown model)')) AS answer,
    flights AS total,
    round(air_minutes / 60.0D, 1) AS value
  FROM main.silver.aircraft_usage
),
weather AS (
  SELECT concat(weather, ' at ', origin) AS answer, flights AS total, avg_dep_delay AS value
  FROM main.silver.weather_impact
)
SELECT 1 AS line, 'busiest day' AS topic, answer, total AS flights, value, 'cancelled' AS value_is
FROM (SELECT * FROM days ORDER BY total DESC, answer LIMIT 1)
UNION ALL
SELECT 2, 'latest airline', answer, total, value, '% arrived late'
FROM (SELECT * FROM carriers WHERE total >= CAST(:min_flights AS BIGINT) ORDER BY value DESC, answer LIMIT 1)
UNION ALL
SELECT 3, 'busiest route', answer, total, value, 'miles per hour'
FROM (SELECT * FROM routes ORDER BY total DESC, answer LIMIT 1)
UNION ALL
SELECT 4, 'busiest aircraft', answer, total, value, 'hours in the air'
FROM (SELECT * FROM aircraft ORDER BY total DESC, answer LIMIT 1)
UNION ALL
SELECT 5, 'worst weather', answer, total, value, 'minutes late at departure'
FROM (SELECT * FROM weather WHERE total >= 100 ORDER BY value DESC, answer LIMIT 1);
