-- One row a run: the flights were checked and may be used.
CREATE SCHEMA IF NOT EXISTS main.gold;
CREATE TABLE IF NOT EXISTS main.gold.approvals (approved TIMESTAMP, table_name STRING, flights BIGINT);
INSERT INTO main.gold.approvals
SELECT current_timestamp(), 'main.bronze.flights', count(*) FROM main.bronze.flights;
SELECT table_name, flights FROM main.gold.approvals ORDER BY approved DESC LIMIT 1;
