SELECT 1 + 2, 1L + 2, 1Y + 2Y, 1S + 2S, 1 + 2.5, 1 + 2.5D
SELECT 2147483647 + 1
SELECT 2147483647 - -1
SELECT 2147483647 * 2
SELECT 9223372036854775807L + 1L
SELECT -9223372036854775807L - 2L
SELECT 9223372036854775807L * 2
SELECT a + 1 FROM VALUES (2147483647) t(a)
SELECT a * b FROM VALUES (3037000500L, 3037000500L) t(a, b)
SELECT a + b FROM VALUES (9223372036854775807L, 1L) t(a, b)
SELECT a - b FROM VALUES (-9223372036854775808L, 1L) t(a, b)
SELECT a + b, a - b, a * b FROM VALUES (9223372036854775806L, 1L) t(a, b)
SELECT a * b FROM VALUES (100Y, 2Y) t(a, b)
SELECT a + b FROM VALUES (32767S, 1S) t(a, b)
SELECT -a FROM VALUES (-2147483648) t(a)
SELECT abs(a) FROM VALUES (-2147483648) t(a)
SELECT sum(a + b) FROM VALUES (1, 2), (3, NULL) t(a, b)
SELECT 1 / 0
SELECT 1.0D / 0
SELECT a / b FROM VALUES (1, 0) t(a, b)
SELECT a % b FROM VALUES (1, 0) t(a, b)
SELECT a div b FROM VALUES (1, 0) t(a, b)
SELECT 5 / 2, 5L / 2, 6 / 3, 5 / 2.0D
SELECT 7 div 2, -7 div 2, 7L div 2, 7.5 div 2
SELECT -7 % 3, 7 % -3, mod(7, 3), 7.5 % 2, -7.5D % 2
SELECT pmod(-7, 3), pmod(7, -3), pmod(-7.5, 2)
SELECT try_divide(1, 0), try_divide(7, 2), try_add(2147483647, 1), try_subtract(-2147483648, 1), try_multiply(2147483647, 2)
SELECT try_add(1, 2), try_multiply(2L, 3), try_mod(5, 0)
SELECT abs(-5), abs(-5L), abs(-5.5), abs(-5.5D), sign(-3), signum(2.5D), negative(4), positive(4)
SELECT 5 & 3, 5 | 3, 5 ^ 3, ~5, shiftleft(1, 4), shiftright(-16, 2), shiftrightunsigned(-16, 28)
SELECT power(2, 10), pow(2, 0.5), exp(0), ln(1), log(10, 100), log10(1000), log2(8), log1p(0), expm1(0)
SELECT sqrt(16), sqrt(-1), cbrt(27), hypot(3, 4)
SELECT ln(0), ln(-1), log10(0), log(2, 0)
SELECT sin(0), cos(0), tan(0), asin(1), acos(1), atan(1), atan2(1, 1), sinh(0), cosh(0), tanh(0)
SELECT degrees(3.141592653589793D), radians(180), pi(), e()
SELECT factorial(5), factorial(20), factorial(21)
SELECT greatest(1, 2L, 3.5), least(1, 2L, 3.5D), greatest(NULL, 1), least(NULL, NULL)
SELECT bin(13), hex(255), hex('abc'), unhex('616263'), conv('ff', 16, 10), conv('100', 2, 10), conv('-10', 10, 16)
SELECT width_bucket(5.3, 0.2, 10.6, 5), width_bucket(-2.1, 1.3, 3.4, 3)
SELECT bit_count(7), bit_get(11, 0), getbit(11, 2)
SELECT round(2.5D), round(3.5D), round(-2.5D), round(1.005D, 2), round(2.675D, 2), round(1234.5678D, 2)
SELECT round(2.5), round(-2.5), round(1.005, 2), round(123.456, 1), round(123.456, -1)
SELECT round(25, -1), round(1234567, -3), round(15L, -1), round(5)
SELECT round(CAST(0.285 AS DOUBLE), 2), round(CAST(1.255 AS DOUBLE), 2), round(CAST(1e20 AS DOUBLE), 2), round(CAST(-0.5 AS DOUBLE))
SELECT round(x, 2) FROM VALUES (1.005D), (2.345D), (-1.115D), (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)), (NULL) t(x)
SELECT round(CAST(2.5 AS FLOAT)), round(CAST(1.15 AS FLOAT), 1)
SELECT bround(2.5), bround(3.5), bround(-2.5), bround(25, -1), bround(2.5D), bround(1.25D, 1)
SELECT bround(12345678901234567890.125, 2)
SELECT bround(0.285D, 2), bround(2.675D, 2), bround(35, -1)
SELECT floor(1.7), floor(-1.7), ceil(1.2), ceiling(-1.2), floor(1.7D), ceil(1.2D), floor(5), ceil(5L)
SELECT floor(3.1411, 3), ceil(3.1411, 3), floor(3.1411, -1), ceil(12345, -2)
SELECT floor(2.675D, 2), ceil(2.671D, 2)
SELECT floor(1e17D), ceil(-1e17D), floor(12345678901234567890.5)
SELECT rint(2.5), rint(3.5), rint(-2.5), rint(1.4)
SELECT 1e0 + 1.1, CAST(1 AS DOUBLE) * 1.1, 0.1D + 0.2D
SELECT 0.1 + 0.2, 1.1 * 1.1, 10.00 / 3
SELECT 1.0D = 1, 1.5 > 1, 1L = 1.0D, '1' = 1
SELECT CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE), CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE), CAST('-Infinity' AS DOUBLE) < 0
SELECT isnan(CAST('NaN' AS DOUBLE)), isnan(1D), isnan(NULL), nanvl(CAST('NaN' AS DOUBLE), 5)
SELECT 0.0D = -0.0D, -0.0D
SELECT 1 = 1.0, 1 <=> NULL, NULL <=> NULL, 1 <> 2, 1 != 1, NOT (1 > 2)
SELECT e FROM (SELECT explode(sequence(1, 3)) e) ORDER BY -e
SELECT v, v / 3, v * 1.5, v % 3, v div 3 FROM VALUES (1), (10), (NULL) t(v) ORDER BY v
SELECT (a + b) * c - d / 2 FROM VALUES (1, 2L, 3.5, 4) t(a, b, c, d)
SELECT -(a) + 2, +a, - -a FROM VALUES (5) t(a)
