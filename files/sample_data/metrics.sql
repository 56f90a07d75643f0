-- Power, energy and temperature of the five sample devices, every five minutes of the last %(days)s days.
--
-- Everything follows from the time alone: noise is a hash of it, so two loads agree, and so do two servers. Energy is
-- that of the five minutes before (kWh), so its sum over any period is the energy of the period.
--
-- A later run goes on after the newest row of the sample devices, once an hour or more is missing, so that a run right
-- after another changes nothing. It never begins before the end of the newest compressed chunk: what is missing there
-- stays missing.
--
-- Returns for how many steps of five minutes it added rows, and the statements that bring the aggregates over them
-- up to date, in order: the policies would not, for they refresh the last hours or days only.
--
-- Each stage is materialized, because the planner would otherwise compute what it needs anew for each of the columns.
WITH RECURSIVE
-- The newest time at or before which nothing is to be written.
reached AS (
    SELECT now() - make_interval(days => %(days)s) AS time
    UNION ALL
    SELECT max(time)
    FROM metrics
    WHERE device_id IN ('sample-plug', 'sample-lamp', 'sample-inverter', 'sample-heat-pump', 'sample-wall-box')
    UNION ALL
    SELECT max(chunks.range_end) - INTERVAL '1 microsecond'
    FROM pg_catalog.pg_class
    INNER JOIN pg_catalog.pg_namespace ON pg_class.relnamespace = pg_namespace.oid
    INNER JOIN timescaledb_information.chunks
        ON pg_namespace.nspname = chunks.hypertable_schema AND pg_class.relname = chunks.hypertable_name
    WHERE pg_class.oid = 'metrics'::regclass AND chunks.is_compressed
),
edges AS (
    SELECT
        date_bin('5 minutes', max(time), TIMESTAMPTZ '2000-01-01 00:00+00') + INTERVAL '5 minutes' AS first_time,
        date_bin('5 minutes', now(), TIMESTAMPTZ '2000-01-01 00:00+00') AS last_time
    FROM reached
),
grid AS MATERIALIZED (
    SELECT
        time,
        floor(extract(epoch FROM time))::bigint AS second,
        floor(extract(epoch FROM time) / 86400)::bigint AS day,
        (extract(epoch FROM time)::bigint %% 86400) / 3600.0::double precision AS hour,
        2 * pi() * extract(doy FROM time AT TIME ZONE 'UTC')::double precision / 365.25 AS season
    FROM edges
    CROSS JOIN LATERAL generate_series(first_time, last_time, INTERVAL '5 minutes') AS times (time)
    WHERE last_time - first_time >= INTERVAL '1 hour'
),
-- Numbers from 0 to 1, each from its own seed: per five minutes, and per day.
noise AS MATERIALIZED (
    SELECT
        *,
        (hashint8extended(second, 1) & 1023) / 1023.0::double precision AS flicker,
        (hashint8extended(second, 2) & 1023) / 1023.0::double precision AS jitter,
        (hashint8extended(day, 3) & 1023) / 1023.0::double precision AS clearness,
        (hashint8extended(day, 4) & 1023) / 1023.0::double precision AS mildness,
        (hashint8extended(day + 1, 4) & 1023) / 1023.0::double precision AS mildness_next,
        (hashint8extended(day, 5) & 1023) / 1023.0::double precision AS wish_to_drive,
        (hashint8extended(day, 6) & 1023) / 1023.0::double precision AS arrival,
        (hashint8extended(day, 7) & 1023) / 1023.0::double precision AS distance
    FROM grid
),
weather AS MATERIALIZED (
    SELECT
        *,
        -- The sine of the sun's height at 51.5 degrees north.
        greatest(
            0,
            0.783 * sin(-0.409 * cos(season + 0.172))
            - 0.622 * cos(0.409 * cos(season + 0.172)) * cos(2 * pi() * hour / 24)
        ) AS sun,
        10.5 - 7 * cos(season - 0.35) + 3.5 * sin(2 * pi() * (hour - 9) / 24)
            + 8 * (mildness + (mildness_next - mildness) * hour / 24 - 0.5) AS outdoors
    FROM noise
),
power AS MATERIALIZED (
    SELECT
        time,
        outdoors,
        -- A compressor that runs for 15 minutes of every 50.
        (CASE WHEN (second / 300) %% 10 < 3 THEN 85 + 10 * flicker ELSE 1.5 + flicker END) AS plug,
        (CASE
            WHEN hour BETWEEN 6.5 AND 7.75 AND sun < 0.1 THEN 9
            WHEN hour BETWEEN 16 AND 22.5 + arrival AND sun < 0.05 THEN 9
            ELSE 0.4
        END) AS lamp,
        5000 * sun * (0.15 + 0.85 * clearness) * (1 - (1 - clearness) * 0.6 * flicker) AS inverter,
        -- The colder, the more of each half hour it runs; hot water before dawn.
        (CASE
            WHEN hour BETWEEN 4 AND 5 THEN 2400 + 100 * jitter
            WHEN ((second / 300) %% 6) < greatest(0, 17 - outdoors) * 0.25 THEN 1500 + 150 * jitter
            ELSE 35 + 5 * jitter
        END) AS heat_pump,
        -- On some evenings somebody comes home and charges, the longer the farther they went.
        (CASE
            WHEN wish_to_drive < 0.55 AND hour BETWEEN 17.5 + 2 * arrival AND 18.5 + 2 * arrival + 3 * distance
                THEN 7300 + 60 * jitter
            ELSE 4
        END) AS wall_box
    FROM weather
),
added AS (
    INSERT INTO metrics (time, device_id, metric_type, value, unit, tags)
    SELECT time, device_id, metric_type, round(value::numeric, digits)::double precision, unit, tags::jsonb
    FROM power
    CROSS JOIN LATERAL (
        VALUES
            ('sample-plug', 'power', plug, 'W', 1, '{"room": "kitchen"}'),
            ('sample-plug', 'energy', plug / 12000, 'kWh', 5, '{"room": "kitchen"}'),
            ('sample-lamp', 'power', lamp, 'W', 1, '{"room": "living room"}'),
            ('sample-lamp', 'energy', lamp / 12000, 'kWh', 5, '{"room": "living room"}'),
            ('sample-inverter', 'power', inverter, 'W', 1, '{"room": "attic"}'),
            ('sample-inverter', 'energy', inverter / 12000, 'kWh', 5, '{"room": "attic"}'),
            ('sample-inverter', 'temperature', outdoors + 8 + inverter * 0.006, '°C', 1, '{"room": "attic"}'),
            ('sample-heat-pump', 'power', heat_pump, 'W', 1, '{"room": "garden"}'),
            ('sample-heat-pump', 'energy', heat_pump / 12000, 'kWh', 5, '{"room": "garden"}'),
            ('sample-heat-pump', 'temperature', outdoors, '°C', 1, '{"room": "garden"}'),
            ('sample-wall-box', 'power', wall_box, 'W', 1, '{"room": "garage"}'),
            ('sample-wall-box', 'energy', wall_box / 12000, 'kWh', 5, '{"room": "garage"}')
    ) AS readings (device_id, metric_type, value, unit, digits, tags)
),
-- The continuous aggregates on metrics, and those on them.
aggregates AS (
    SELECT continuous_agg.*, 1 AS level
    FROM _timescaledb_catalog.continuous_agg
    INNER JOIN _timescaledb_catalog.hypertable ON continuous_agg.raw_hypertable_id = hypertable.id
    INNER JOIN pg_catalog.pg_namespace ON hypertable.schema_name = pg_namespace.nspname
    INNER JOIN pg_catalog.pg_class
        ON pg_namespace.oid = pg_class.relnamespace AND hypertable.table_name = pg_class.relname
    WHERE pg_class.oid = 'metrics'::regclass
    UNION ALL
    SELECT continuous_agg.*, aggregates.level + 1
    FROM _timescaledb_catalog.continuous_agg
    INNER JOIN aggregates ON continuous_agg.raw_hypertable_id = aggregates.mat_hypertable_id
),
-- A refresh takes whole buckets only, so it begins one bucket early to have the one of the first row. A window shorter than
-- two buckets may hold none, which the server refuses.
refreshes AS (
    SELECT
        aggregates.level,
        format(
            'CALL refresh_continuous_aggregate(%%L, %%L::timestamptz, %%L::timestamptz)',
            format('%%I.%%I', aggregates.user_view_schema, aggregates.user_view_name),
            least(
                (SELECT min(time) FROM grid) - bucket.bucket_width::interval,
                now() - 2 * bucket.bucket_width::interval
            ),
            now()
        ) AS statement
    FROM aggregates
    INNER JOIN _timescaledb_catalog.continuous_aggs_bucket_function AS bucket
        ON aggregates.mat_hypertable_id = bucket.mat_hypertable_id
)
SELECT
    (SELECT count(*) FROM grid) AS steps,
    ARRAY(SELECT statement FROM refreshes ORDER BY level, statement) AS refreshes
