-- Five devices of one invented household.
INSERT INTO devices (
    device_id, name, type, manufacturer, model, location, capabilities, configuration, metadata, status
)
VALUES
    (
        'sample-plug', 'Refrigerator plug', 'smart_plug', 'Lumen Works', 'LW-Plug 2',
        '{"room": "kitchen", "floor": 0}', ARRAY['power', 'energy', 'switch'],
        '{"interval_seconds": 300}', '{"sample": true}', '{"online": true}'
    ),
    (
        'sample-lamp', 'Reading lamp', 'lamp', 'Lumen Works', 'LW-Bulb 9W',
        '{"room": "living room", "floor": 0}', ARRAY['power', 'energy', 'switch', 'dim'],
        '{"interval_seconds": 300}', '{"sample": true}', '{"online": true}'
    ),
    (
        'sample-inverter', 'Solar inverter', 'solar_inverter', 'Heliotrope', 'HT-5000',
        '{"room": "attic", "floor": 2}', ARRAY['power', 'energy', 'temperature'],
        '{"interval_seconds": 300, "peak_watts": 5000, "direction": "production"}', '{"sample": true}',
        '{"online": true}'
    ),
    (
        'sample-heat-pump', 'Heat pump', 'heat_pump', 'Norrland', 'NP-8',
        '{"room": "garden", "floor": 0}', ARRAY['power', 'energy', 'temperature'],
        '{"interval_seconds": 300, "temperature_sensor": "outdoor"}', '{"sample": true}', '{"online": true}'
    ),
    (
        'sample-wall-box', 'Wall box', 'wall_box', 'Voltra', 'VB-7',
        '{"room": "garage", "floor": 0}', ARRAY['power', 'energy', 'charge_limit'],
        '{"interval_seconds": 300, "max_watts": 7360}', '{"sample": true}', '{"online": true}'
    )
ON CONFLICT DO NOTHING
