-- One alert, for a sample user and a sample device; neither row is written if its user is somebody else's by now.
INSERT INTO alerts (alert_id, user_id, device_id, name, conditions, actions, schedule, metadata)
SELECT
    '5a3b1e00-0000-4000-8000-000000000021'::uuid,
    users.user_id,
    devices.device_id,
    'Heat pump draws much',
    '{"metric_type": "power", "operator": ">", "value": 3000, "for_minutes": 30}'::jsonb,
    '[{"kind": "email"}]'::jsonb,
    '{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "20:00"}'::jsonb,
    '{"sample": true}'::jsonb
FROM users
CROSS JOIN devices
WHERE users.user_id = '5a3b1e00-0000-4000-8000-000000000001' AND devices.device_id = 'sample-heat-pump'
ON CONFLICT DO NOTHING
