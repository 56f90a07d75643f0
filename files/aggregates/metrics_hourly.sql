-- One row for each hour, device and kind of measurement. `sum_value` and `sample_count` carry what the daily aggregate
-- needs for a true average; the sum of energy (kWh per interval) is the energy of the hour.
SELECT
    time_bucket(INTERVAL '1 hour', time) AS bucket,
    device_id,
    metric_type,
    unit,
    avg(value) AS avg_value,
    min(value) AS min_value,
    max(value) AS max_value,
    sum(value) AS sum_value,
    count(value) AS sample_count,
    first(value, time) AS first_value,
    last(value, time) AS last_value
FROM metrics
GROUP BY bucket, device_id, metric_type, unit
