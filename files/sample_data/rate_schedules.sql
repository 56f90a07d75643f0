-- A time-of-use rate and a flat one, of an invented provider.
INSERT INTO rate_schedules (
    rate_id, provider, plan_name, effective_date, expiry_date, currency, time_zone, rate_structure, fixed_charges,
    metadata
)
VALUES
    (
        '5a3b1e00-0000-4000-8000-000000000011', 'Tidewater Energy', 'Night and Day', '2024-01-01', NULL, 'GBP',
        'Europe/London',
        '{
            "kind": "time_of_use",
            "periods": [
                {"name": "off-peak", "from": "00:00", "to": "06:00", "price_per_kwh": 0.12},
                {"name": "standard", "from": "06:00", "to": "16:00", "price_per_kwh": 0.26},
                {"name": "peak", "from": "16:00", "to": "20:00", "price_per_kwh": 0.38},
                {"name": "standard", "from": "20:00", "to": "24:00", "price_per_kwh": 0.26}
            ]
        }',
        '{"standing_charge_per_day": 0.48}', '{"sample": true}'
    ),
    (
        '5a3b1e00-0000-4000-8000-000000000012', 'Tidewater Energy', 'One Price', '2024-01-01', NULL, 'GBP',
        'Europe/London', '{"kind": "flat", "price_per_kwh": 0.25}', '{"standing_charge_per_day": 0.53}',
        '{"sample": true}'
    )
ON CONFLICT DO NOTHING
