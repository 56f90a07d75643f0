-- One row for each day (UTC), device and kind of measurement, computed from the hours: the average is weighted by how many
-- measurements each hour had.
SELECT
    time_bucket(INTERVAL '1 day', bucket) AS bucket,
    device_id,
    metric_type,
    unit,
    sum(sum_value) / NULLIF(sum(sample_count), 0)::double precision AS avg_value,
    min(min_value) AS min_value,
    max(max_value) AS max_value,
    sum(sum_value) AS sum_value,
    sum(sample_count)::bigint AS sample_count,
    first(first_value, bucket) AS first_value,
    last(last_value, bucket) AS last_value
FROM metrics_hourly
GROUP BY time_bucket(INTERVAL '1 day', bucket), device_id, metric_type, unit
