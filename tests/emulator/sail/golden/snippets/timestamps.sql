SELECT TIMESTAMP'2024-01-31 00:00:00' - TIMESTAMP'2024-01-30 12:00:00'
SELECT b - a, CAST(b - a AS STRING), extract(HOUR FROM b - a), CAST(b - a AS INTERVAL DAY TO SECOND) FROM VALUES (TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP'2024-01-02 03:04:05') t(a, b)
SELECT TIMESTAMP'2024-01-31 10:00:00' + INTERVAL 1 MONTH, TIMESTAMP'2024-01-01 00:00:00' - INTERVAL 90 MINUTES, TIMESTAMP'2024-01-01 00:00:00' + INTERVAL '1 2:3:4' DAY TO SECOND
SELECT TIMESTAMP'2024-03-01 00:00:00' - DATE'2024-02-01', DATE'2024-02-01' - TIMESTAMP'2024-02-01 06:00:00'
SELECT unix_timestamp('2024-01-01 00:00:00'), unix_timestamp('01/02/2024', 'dd/MM/yyyy'), unix_timestamp(TIMESTAMP'1969-12-31 23:59:58'), to_unix_timestamp('2024-01-01 00:00:01')
SELECT from_unixtime(0), from_unixtime(1704067200, 'yyyy-MM-dd'), from_unixtime(-1)
SELECT unix_seconds(TIMESTAMP'1970-01-01 00:00:01.9'), unix_millis(TIMESTAMP'1970-01-01 00:00:01.9'), unix_micros(TIMESTAMP'1970-01-01 00:00:01.9'), unix_seconds(TIMESTAMP'1969-12-31 23:59:59.5')
SELECT timestamp_seconds(1230219000), timestamp_millis(1230219000123), timestamp_micros(-1), timestamp_seconds(1.5)
SELECT to_timestamp('2024-12-31 23:59', 'yyyy-MM-dd HH:mm'), to_timestamp('31.12.2024 11:59 PM', 'dd.MM.yyyy hh:mm a'), to_timestamp('2024-12-31T23:59:59.123Z'), to_timestamp('2024-12-31')
SELECT to_timestamp('2024-01-01 01:02:03.456', 'yyyy-MM-dd HH:mm:ss.SSS'), to_timestamp('20240101010203', 'yyyyMMddHHmmss'), to_timestamp('2024-01-01T01:02:03+02:00', "yyyy-MM-dd'T'HH:mm:ssXXX")
SELECT to_timestamp('nope')
SELECT try_to_timestamp('nope', 'yyyy'), try_to_timestamp('2024', 'yyyy'), try_to_timestamp('2024-02-30')
SELECT date_format(TIMESTAMP'2024-01-01 15:04:05', 'h:mm a'), date_format(TIMESTAMP'2024-01-01 15:04:05.678', 'HH:mm:ss.SSS'), date_format(TIMESTAMP'2024-07-01 12:00:00', 'yyyy-MM-dd HH:mm:ss z'), date_format(TIMESTAMP'2024-07-01 12:00:00', 'XXX')
SELECT date_format(TIMESTAMP'2024-01-01 05:04:05', 'H k K'), date_format(TIMESTAMP'2024-01-01 05:04:05', "'at' HH"), date_format(TIMESTAMP'2024-01-01 05:04:05', 'yyyyMMdd_HHmmss')
SELECT date_trunc('day', TIMESTAMP'2024-07-01 02:03:04'), date_trunc('HOUR', TIMESTAMP'2024-07-01 02:03:04'), date_trunc('minute', TIMESTAMP'2024-07-01 02:03:04.5'), date_trunc('SECOND', TIMESTAMP'2024-07-01 02:03:04.5'), date_trunc('YEAR', '2024-07-01'), date_trunc('nope', TIMESTAMP'2024-07-01 02:03:04')
SELECT hour(TIMESTAMP'2024-07-01 12:34:56.7'), minute('2024-07-01 12:34:56'), second(TIMESTAMP'2024-07-01 12:34:56.7'), year(TIMESTAMP'2024-07-01 12:34:56')
SELECT from_utc_timestamp('2024-07-01 12:00:00', 'Asia/Kolkata'), to_utc_timestamp(TIMESTAMP'2024-07-01 12:00:00', 'America/New_York'), convert_timezone('UTC', 'Europe/Paris', TIMESTAMP_NTZ'2024-07-01 12:00:00')
SELECT make_timestamp(2024, 1, 2, 3, 4, 5.678), make_timestamp_ntz(2024, 1, 2, 3, 4, 5), make_timestamp(2024, 1, 2, 3, 4, 5, 'Europe/Paris'), try_make_timestamp(2024, 13, 1, 0, 0, 0)
SELECT TIMESTAMP_NTZ'2024-01-01 10:00:00', to_timestamp_ntz('2024-01-01 10:00:00'), CAST(TIMESTAMP_NTZ'2024-01-01 10:00:00' AS TIMESTAMP), to_timestamp_ltz('2024-01-01 10:00:00')
SELECT CAST(window.start AS STRING) s, count(*) c FROM VALUES (TIMESTAMP'2024-01-01 00:03:00'), (TIMESTAMP'2024-01-01 00:12:00'), (TIMESTAMP'2024-01-01 00:14:00') t(ts) GROUP BY window(ts, '10 minutes') ORDER BY s
SELECT date_diff(SECOND, TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP'2024-01-01 00:01:00'), timestampdiff(DAY, TIMESTAMP'2024-01-01 12:00:00', TIMESTAMP'2024-01-02 11:00:00'), timestampdiff(MONTH, DATE'2024-01-15', DATE'2024-03-14')
SELECT ts, CAST(ts AS DATE), CAST(ts AS STRING) FROM VALUES (TIMESTAMP'2024-01-01 00:00:00'), (TIMESTAMP'1900-01-01 00:00:00'), (NULL) t(ts) ORDER BY ts
SELECT sequence(TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP'2024-01-01 02:00:00', INTERVAL 1 HOUR)
SELECT max(ts) - min(ts), avg(CAST(ts AS BIGINT)) FROM VALUES (TIMESTAMP'2024-01-01 00:00:00'), (TIMESTAMP'2024-01-01 01:00:00') t(ts)
SELECT current_timezone(), date_part('HOUR', TIMESTAMP'2024-01-01 05:00:00'), typeof(current_timestamp()), typeof(localtimestamp())

-- New York: strings, hours, days and truncation follow the session's zone
SET spark.sql.session.timeZone = America/New_York;
SELECT CAST(TIMESTAMP'2024-03-10 06:30:00Z' AS STRING), date_format(TIMESTAMP'2024-07-01 12:00:00Z', 'yyyy-MM-dd HH:mm:ss z'), CAST(to_timestamp('2024-11-03 01:30:00') AS BIGINT), hour(TIMESTAMP'2024-07-01 12:00:00Z'), CAST(from_utc_timestamp('2024-07-01 12:00:00', 'Asia/Kolkata') AS STRING), CAST(DATE'2024-01-01' AS TIMESTAMP) = TIMESTAMP'2024-01-01 05:00:00Z', CAST(date_trunc('day', TIMESTAMP'2024-07-01 02:00:00Z') AS STRING), CAST(TIMESTAMP'2024-07-01 02:00:00Z' AS DATE);

-- New York: the day the clocks change
SET spark.sql.session.timeZone = America/New_York;
SELECT CAST(TIMESTAMP'2024-03-10 01:30:00' + INTERVAL 1 HOUR AS STRING), CAST(TIMESTAMP'2024-03-09 12:00:00' + INTERVAL 1 DAY AS STRING), CAST(TIMESTAMP'2024-03-09 12:00:00' + INTERVAL 24 HOURS AS STRING), CAST(CAST('2024-03-10 02:30:00' AS TIMESTAMP) AS STRING);

-- Berlin: to JSON and from Unix time
SET spark.sql.session.timeZone = Europe/Berlin;
SELECT to_json(named_struct('t', TIMESTAMP'2024-07-01 12:00:00')), from_unixtime(0), CAST(timestamp_seconds(0) AS STRING), unix_timestamp('2024-07-01 12:00:00'), CAST(CAST('2024-07-01' AS TIMESTAMP) AS BIGINT);

-- New York: days by a column, with hours, and taken away
SET spark.sql.session.timeZone = America/New_York;
SELECT ts + i, ts - i, ts + INTERVAL '1 02:00:00' DAY TO SECOND, try_add(ts, i), transform(array(ts), x -> x + INTERVAL 1 DAY) FROM VALUES (TIMESTAMP'2024-03-09 12:00:00', INTERVAL 1 DAY) t(ts, i);

-- New York: a day to the hour that comes twice, and to the hour that is left out
SET spark.sql.session.timeZone = America/New_York;
SELECT TIMESTAMP'2024-11-04 01:30:00' - INTERVAL 1 DAY, TIMESTAMP'2024-11-02 01:30:00' + INTERVAL 1 DAY, TIMESTAMP'2024-03-11 02:30:00' - INTERVAL 1 DAY, TIMESTAMP'2024-03-09 02:30:00' + INTERVAL '1 00:30:00' DAY TO SECOND;

-- New York: between moments
SET spark.sql.session.timeZone = America/New_York;
SELECT a - b, b - a, timestampdiff(DAY, b, a), timestampdiff(HOUR, b, a), timestampdiff(MONTH, TIMESTAMP'2024-02-10 12:00:00', a) FROM VALUES (TIMESTAMP'2024-03-10 12:00:00', TIMESTAMP'2024-03-09 12:00:00') t(a, b);

-- New York: timestampadd
SET spark.sql.session.timeZone = America/New_York;
SELECT timestampadd(DAY, 1, ts), dateadd(WEEK, 1, ts), timestampadd(HOUR, 24, ts), timestampadd(MONTH, 1, ts) FROM VALUES (TIMESTAMP'2024-03-09 12:00:00') t(ts);

-- New York: a moment without a zone
SET spark.sql.session.timeZone = America/New_York;
SELECT CAST(CAST(TIMESTAMP'2024-11-03 01:30:00' AS TIMESTAMP_NTZ) AS STRING), CAST(CAST(TIMESTAMP'2024-07-01 12:00:00' AS TIMESTAMP_NTZ) AS TIMESTAMP);

-- New York: a RANGE of days over dates
SET spark.sql.session.timeZone = America/New_York;
SELECT d, count(*) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) n FROM VALUES (DATE'2024-11-03'), (DATE'2024-11-04') t(d) ORDER BY d;

-- New York: a RANGE of days over moments
SET spark.sql.session.timeZone = America/New_York;
SELECT ts, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) n FROM VALUES (TIMESTAMP'2024-03-09 12:00:00'), (TIMESTAMP'2024-03-10 12:30:00') t(ts) ORDER BY ts;
