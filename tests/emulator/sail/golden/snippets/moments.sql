SELECT date_add(DATE'2024-02-28', 2), date_sub(DATE'2024-03-01', 1), add_months(DATE'2024-01-31', 1), add_months(DATE'2024-02-29', 12), add_months(DATE'2024-03-31', -1)
SELECT months_between(DATE'2024-03-31', DATE'2024-02-29'), months_between(TIMESTAMP'2024-03-15 12:00:00', DATE'2024-01-01'), months_between(DATE'2024-01-10', DATE'2024-03-05', false)
SELECT date_trunc('WEEK', TIMESTAMP'2024-05-05 10:00:00'), date_trunc('quarter', DATE'2024-05-05'), date_trunc('DAY', TIMESTAMP'2024-05-05 10:00:00'), trunc(DATE'2024-05-05', 'MM'), trunc(DATE'2024-05-05', 'WEEK')
SELECT weekofyear(DATE'2024-12-30'), dayofweek(DATE'2024-05-05'), weekday(DATE'2024-05-05'), dayofyear(DATE'2024-12-31'), quarter(DATE'2024-05-05'), day(DATE'2024-05-05'), dayname(DATE'2024-05-05'), monthname(DATE'2024-05-05')
SELECT date_format(TIMESTAMP'2024-05-05 13:04:05.678', 'yyyy-MM-dd HH:mm:ss.SSS'), date_format(DATE'2024-05-05', 'EEEE MMM d'), date_format(TIMESTAMP'2024-05-05 13:04:05', 'hh:mm a'), date_format(DATE'2024-05-05', 'D Q')
SELECT date_format(DATE'2024-05-05', "yyyy'T'MM"), date_format(DATE'2024-05-05', 'E, dd MMMM yy'), date_format(TIMESTAMP'2024-05-05 00:30:00', 'K k h H')
SELECT date_format(DATE'2024-05-05', 'YYYY')
SELECT to_date('05/06/2024', 'dd/MM/yyyy'), to_date('20240506', 'yyyyMMdd'), to_timestamp('2024-05-06 07:08', 'yyyy-MM-dd HH:mm'), to_date('6 May 2024', 'd MMM yyyy'), to_timestamp('05:06 PM 2024-01-01', 'hh:mm a yyyy-MM-dd')
SELECT to_date('2024-05', 'yyyy-MM'), to_timestamp('2024-01-01T10:00:00.123Z'), to_date('2024-05-06 23:00:00'), to_timestamp('12/25/24', 'MM/dd/yy')
SELECT unix_timestamp('2024-01-01 00:00:00'), unix_timestamp('01-02-2024', 'dd-MM-yyyy'), from_unixtime(0), from_unixtime(1704067200, 'yyyy/MM/dd'), to_unix_timestamp('2024-01-01', 'yyyy-MM-dd'), unix_date(DATE'2024-01-01'), date_from_unix_date(19723)
SELECT timestamp_seconds(1.5), timestamp_millis(1500), timestamp_micros(1500000), unix_millis(TIMESTAMP'1970-01-01 00:00:01.5'), unix_micros(TIMESTAMP'1970-01-01 00:00:01'), unix_seconds(TIMESTAMP'1970-01-01 00:00:01.9')
SELECT from_utc_timestamp(TIMESTAMP'2024-07-01 12:00:00', 'America/New_York'), to_utc_timestamp(TIMESTAMP'2024-07-01 12:00:00', 'Europe/Berlin'), from_utc_timestamp('2024-03-10 07:30:00', 'America/New_York'), to_utc_timestamp('2024-03-10 02:30:00', 'America/New_York')
SELECT convert_timezone('UTC', 'Asia/Tokyo', TIMESTAMP_NTZ'2024-01-01 00:00:00')
SELECT from_utc_timestamp(TIMESTAMP'2024-01-01 00:00:00', '+05:30')
SELECT current_timezone()
SELECT from_utc_timestamp(TIMESTAMP'2024-01-01 00:00:00', 'Nowhere/City')
SELECT TIMESTAMP'2024-01-31 00:00:00' + INTERVAL 1 MONTH, DATE'2024-01-31' + INTERVAL 1 MONTH, DATE'2024-02-29' - INTERVAL 1 YEAR, TIMESTAMP'2024-01-01 00:00:00' - INTERVAL '1 02:03:04' DAY TO SECOND
SELECT DATE'2024-01-01' + INTERVAL '36' HOUR, DATE'2024-01-01' - INTERVAL 1 DAY, INTERVAL 1 DAY + DATE'2024-01-01', DATE'2024-01-01' + 5, DATE'2024-03-01' - 1
SELECT TIMESTAMP'2024-01-02 00:00:00' - TIMESTAMP'2024-01-01 12:00:00', DATE'2024-03-01' - DATE'2024-02-01', TIMESTAMP'2024-01-02 00:00:00' - DATE'2024-01-01'
SELECT datediff(DATE'2024-03-01', DATE'2024-02-01'), datediff(MONTH, DATE'2024-01-31', DATE'2024-02-29'), timestampdiff(YEAR, DATE'2020-02-29', DATE'2024-02-28'), datediff(WEEK, DATE'2024-01-01', DATE'2024-01-14'), timestampdiff(QUARTER, DATE'2024-01-01', DATE'2024-12-31')
SELECT dateadd(MONTH, 1, DATE'2024-01-31'), timestampadd(HOUR, 5, TIMESTAMP'2024-01-01 22:00:00'), dateadd(DAY, -1, DATE'2024-03-01'), date_add(WEEK, 1, DATE'2024-01-01'), timestampadd(QUARTER, 1, TIMESTAMP'2024-01-31 00:00:00')
SELECT extract(YEAR FROM TIMESTAMP'2024-05-06 07:08:09')
SELECT extract(DAYOFWEEK FROM DATE'2024-05-05')
SELECT extract(DOW_ISO FROM DATE'2024-05-05')
SELECT extract(DOY FROM DATE'2024-12-31')
SELECT date_part('WEEK', DATE'2024-01-01')
SELECT extract(HOUR FROM TIMESTAMP'2024-05-06 07:08:09'), minute(TIMESTAMP'2024-05-06 07:08:09'), second(TIMESTAMP'2024-05-06 07:08:09.9'), hour('2024-01-01 05:00:00')
SELECT extract(SECOND FROM TIMESTAMP'2024-05-06 07:08:09.123456')
SELECT extract(DAYS FROM INTERVAL '3' DAY), extract(HOUR FROM INTERVAL '26' HOUR), extract(YEAR FROM INTERVAL '1-2' YEAR TO MONTH), date_part('SECOND', INTERVAL '1.5' SECOND)
SELECT last_day(DATE'2024-02-10'), next_day(DATE'2024-01-01', 'MON'), next_day(DATE'2024-01-01', 'Sunday'), make_date(2024, 2, 29)
SELECT make_timestamp(2024, 1, 2, 3, 4, 5.678), make_timestamp(2024, 1, 2, 3, 4, 60), make_timestamp_ntz(2024, 1, 2, 3, 4, 5), make_timestamp(2024, 7, 1, 12, 0, 0, 'America/New_York')
SELECT sequence(DATE'2024-01-30', DATE'2024-03-01', INTERVAL 1 MONTH), sequence(5, 1, -2), sequence(1, 3), sequence(DATE'2024-01-03', DATE'2024-01-01')
SELECT sequence(TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP'2024-01-01 02:00:00', INTERVAL 1 HOUR), sequence(3, 1)
SELECT sequence(1, 5, -1)
SELECT INTERVAL 1 YEAR + INTERVAL 2 MONTHS, INTERVAL '1' DAY * 1.5, INTERVAL 1 MONTH * 3, abs(INTERVAL -1 DAY), INTERVAL 7 DAYS / 2
SELECT CAST(INTERVAL '1 02:03:04.5' DAY TO SECOND AS STRING), CAST(INTERVAL 90 MINUTES AS STRING), CAST(INTERVAL 13 MONTHS AS STRING), CAST(-INTERVAL 1 DAY AS STRING)
SELECT window.start, window.end, count(*) FROM VALUES (TIMESTAMP'2024-01-01 00:07:00'), (TIMESTAMP'2024-01-01 00:12:00') t(ts) GROUP BY window(ts, '10 minutes') ORDER BY 1
SELECT window.start, count(*) FROM VALUES (TIMESTAMP'2024-01-01 00:07:00') t(ts) GROUP BY window(ts, '10 minutes', '5 minutes') ORDER BY 1
SELECT date_format(TIMESTAMP'2024-01-01 00:00:00', NULL)
SELECT to_date(NULL)
SELECT date_add(NULL, 1)
SELECT datediff(NULL, DATE'2024-01-01')
SELECT trunc(DATE'2024-01-01', NULL)
SELECT CAST(TIMESTAMP'2024-01-01 10:00:00.120' AS STRING), CAST(TIMESTAMP'2024-01-01 00:00:00' AS STRING), CAST(DATE'0001-01-01' AS STRING), CAST(TIMESTAMP_NTZ'2024-01-01 00:00:00.000001' AS STRING)
SELECT TIMESTAMP'2024-01-01 00:00:00' = TIMESTAMP_NTZ'2024-01-01 00:00:00', typeof(TIMESTAMP_NTZ'2024-01-01 00:00:00' + INTERVAL 1 DAY), DATE'2024-01-01' + INTERVAL '1' SECOND
SELECT date_trunc('HOUR', TIMESTAMP_NTZ'2024-01-01 10:30:00'), date_trunc('MILLISECOND', TIMESTAMP'2024-01-01 10:30:00.123456'), date_trunc('bad', TIMESTAMP'2024-01-01 10:30:00')
SELECT to_timestamp_ntz('2024-01-01 00:00:00'), to_timestamp_ltz('2024-01-01 00:00:00'), CAST('2024-01-01 00:00:00' AS TIMESTAMP_NTZ), localtimestamp() IS NOT NULL
SELECT session_window.start, count(*) FROM VALUES (TIMESTAMP'2024-01-01 00:07:00'), (TIMESTAMP'2024-01-01 00:08:00'), (TIMESTAMP'2024-01-01 00:30:00') t(ts) GROUP BY session_window(ts, '5 minutes') ORDER BY 1
