-- Two users. There is nothing to log in with here: no password, no token.
INSERT INTO users (user_id, username, email, role, preferences)
VALUES
    (
        '5a3b1e00-0000-4000-8000-000000000001', 'ada', 'ada@example.org', 'admin',
        '{"time_zone": "Europe/London", "theme": "dark"}'
    ),
    (
        '5a3b1e00-0000-4000-8000-000000000002', 'grace', 'grace@example.org', 'viewer',
        '{"time_zone": "Europe/London"}'
    )
ON CONFLICT DO NOTHING
