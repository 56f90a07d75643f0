-- One plugin, switched off.
INSERT INTO plugins (plugin_id, name, version, enabled, status, configuration)
VALUES ('sample-weather', 'Weather forecast', '1.0.0', FALSE, 'stopped', '{"provider": "none", "interval_minutes": 60}')
ON CONFLICT DO NOTHING
