SELECT add_months(DATE'2024-01-31', 1), add_months('2024-01-31', -1), add_months(DATE'2023-02-28', 12)
SELECT months_between('2024-03-31', '2024-02-29'), months_between('2024-03-15', '2024-01-31'), months_between('2024-03-15 12:00:00', '2024-01-31', false)
SELECT date_add('2024-02-28', 2), date_sub(DATE'2024-03-01', 1), dateadd(DATE'2024-01-01', 5), DATE'2024-01-01' + 5, DATE'2024-01-01' - 1
SELECT datediff('2024-03-01', '2024-02-01'), date_diff(DATE'2024-01-01', DATE'2024-01-05'), datediff(TIMESTAMP'2024-01-02 23:00:00', DATE'2024-01-01')
SELECT datediff(MONTH, DATE'2024-01-31', DATE'2024-02-29'), datediff(DAY, '2024-01-01', '2024-01-05'), datediff(YEAR, DATE'2022-06-01', DATE'2024-05-31'), datediff(HOUR, TIMESTAMP'2024-01-01 00:30:00', TIMESTAMP'2024-01-01 03:00:00')
SELECT dateadd(MONTH, 1, DATE'2024-01-31'), dateadd(DAY, -1, DATE'2024-03-01'), dateadd(HOUR, 2, TIMESTAMP'2024-01-01 00:00:00'), timestampadd(MONTH, 1, DATE'2024-01-31'), timestampdiff(MINUTE, TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP'2024-01-01 01:30:59')
SELECT DATE'2024-03-01' - DATE'2024-02-01'
SELECT a - b FROM VALUES (DATE'2024-03-01', DATE'2024-02-01') t(a, b)
SELECT extract(DAY FROM DATE'2024-03-01' - DATE'2024-02-01'), CAST(DATE'2024-03-01' - DATE'2024-02-01' AS INT), CAST(DATE'2024-03-01' - DATE'2024-02-01' AS STRING)
SELECT DATE'2024-01-31' + INTERVAL 1 MONTH, DATE'2024-01-31' - INTERVAL 1 YEAR, DATE'2024-01-01' + INTERVAL 3 DAYS, DATE'2024-01-01' + INTERVAL '1' WEEK
SELECT DATE'2024-01-31' + INTERVAL 25 HOURS
SELECT DATE'2024-01-31' + INTERVAL '1 02:30' DAY TO MINUTE, DATE'2024-01-01' - INTERVAL 1 SECOND
SELECT d + INTERVAL 12 HOURS, d + INTERVAL 1 DAY, d + INTERVAL 2 MONTHS FROM VALUES (DATE'2024-01-31') t(d)
SELECT last_day('2024-02-10'), last_day(DATE'2023-02-01'), next_day('2024-02-10', 'MON'), next_day(DATE'2024-02-12', 'Monday')
SELECT trunc('2024-02-10', 'Q'), trunc(DATE'2024-08-17', 'MM'), trunc('2024-08-17', 'YEAR'), trunc('2024-08-17', 'week'), trunc('2024-08-17', 'quarter'), trunc('2024-08-17', 'nope')
SELECT year(DATE'2024-05-06'), month('2024-05-06'), day('2024-05-06'), dayofmonth('2024-05-06'), quarter('2024-05-06'), weekofyear('2024-12-30'), dayofyear('2024-12-31')
SELECT dayofweek('2024-02-11'), weekday('2024-02-11'), dayname(DATE'2024-02-11'), monthname(DATE'2024-02-11')
SELECT extract(YEAR FROM DATE'2024-05-01'), extract(QUARTER FROM DATE'2024-05-01'), extract(WEEK FROM DATE'2024-12-30'), extract(DOW FROM DATE'2024-02-11'), extract(DOY FROM DATE'2024-02-11'), extract(YEAROFWEEK FROM DATE'2024-12-30')
SELECT date_part('month', DATE'2024-05-06'), datepart('d', DATE'2024-05-06'), date_part('SECONDS', TIMESTAMP'2024-05-06 01:02:03.456'), extract(SECOND FROM TIMESTAMP'2024-05-06 01:02:03.456'), extract(DAYOFWEEK_ISO FROM DATE'2024-02-11')
SELECT make_date(2024, 2, 29), make_date(2024, 1, NULL)
SELECT make_date(2023, 2, 29)
SELECT to_date('2024-12-31'), to_date('31/12/2024', 'dd/MM/yyyy'), to_date('20241231', 'yyyyMMdd'), to_date('Dec 5, 2024', 'MMM d, yyyy'), to_date(NULL), to_date('2024-2-3')
SELECT to_date('2024-13-45', 'yyyy-MM-dd')
SELECT to_date('nonsense')
SELECT to_date('05/06/24', 'MM/dd/yy'), to_date('2024 123', 'yyyy DDD'), to_date('5.6.2024', 'd.M.yyyy')
SELECT date_format(DATE'2024-01-05', 'yyyy/MM/dd'), date_format(DATE'2024-01-05', 'EEE, d MMM yy'), date_format(DATE'2024-01-05', 'EEEE MMMM'), date_format(DATE'2024-01-05', 'D'), date_format(DATE'2024-05-05', 'Q'), date_format('2024-01-05', 'MM')
SELECT date_format(DATE'2024-01-05', 'u')
SELECT date_from_unix_date(19723), unix_date(DATE'2024-01-01'), date_from_unix_date(-1)
SELECT DATE'2024-01-01' = '2024-01-01', DATE'2024-01-01' < DATE'2024-01-02', DATE'2024-01-01' = TIMESTAMP'2024-01-01 00:00:00', DATE'2024-01-01' BETWEEN '2023-01-01' AND '2025-01-01'
SELECT DATE'0001-01-01', DATE'1582-10-10', DATE'9999-12-31', DATE'1969-12-31'
SELECT greatest(DATE'2024-01-01', DATE'2024-02-01'), least(DATE'2024-01-01', NULL), max(d), min(d) FROM VALUES (DATE'2024-01-01'), (DATE'2023-01-01') t(d)
SELECT sequence(DATE'2024-01-01', DATE'2024-01-04'), sequence(DATE'2024-01-31', DATE'2024-03-31', INTERVAL 1 MONTH), sequence(DATE'2024-01-03', DATE'2024-01-01')
SELECT explode(sequence(DATE'2024-01-01', DATE'2024-01-03', INTERVAL 1 DAY)) d
SELECT current_date() = current_date(), curdate() IS NULL, now() >= current_timestamp(), to_date(current_timestamp()) = current_date()
SELECT d, count(*) FROM VALUES (DATE'2024-01-01'), (DATE'2024-01-01'), (NULL) t(d) GROUP BY d ORDER BY d
SELECT date_trunc('MONTH', DATE'2024-08-17'), date_trunc('week', DATE'2024-08-17'), date_trunc('quarter', DATE'2024-08-17')
SELECT avg(datediff(b, a)) FROM VALUES (DATE'2024-01-01', DATE'2024-01-04'), (DATE'2024-01-01', DATE'2024-01-02') t(a, b)
SELECT DATE'2024-01-01' + 1.5
SELECT date('2024-01-01') + CAST(2 AS SMALLINT), DATE'2024-03-10' - CAST(1 AS TINYINT)
