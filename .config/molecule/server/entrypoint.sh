#!/bin/bash
# What the entrypoint of the vendor's image does, as far as its documentation goes: POSTGRES_PASSWORD, POSTGRES_USER,
# POSTGRES_DB and POSTGRES_INITDB_ARGS, each also as a file named by ..._FILE; PGDATA, POSTGRES_HOST_AUTH_METHOD;
# TIMESCALEDB_TELEMETRY, NO_TS_TUNE and TS_TUNE_*. All of it is used on an empty data directory only.
set -Eeuo pipefail

read_variable() { # NAME DEFAULT
  local file="${1}_FILE"
  if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
    echo "error: both ${1} and ${file} are set" >&2
    exit 1
  fi
  if [ -n "${!file:-}" ]; then
    printf -v "$1" '%s' "$(< "${!file}")"
  else
    printf -v "$1" '%s' "${!1:-$2}"
  fi
  export "${1?}"
  unset "$file"
}

start_server() { # ARGUMENTS OF postgres: the socket only, so that nobody takes it for the real one
  pg_ctl --pgdata="$PGDATA" --wait --silent --options="$(printf '%q ' "$@" -c listen_addresses= -p 5432)" start
}

run_sql() { # DATABASE
  psql -X --quiet --no-password --set ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$1" "${@:2}"
}

create_extension() {
  for database in postgres template1 "$POSTGRES_DB"; do
    run_sql "$database" --command='CREATE EXTENSION IF NOT EXISTS timescaledb CASCADE'
  done
  echo "timescaledb.telemetry_level = ${TIMESCALEDB_TELEMETRY:-basic}" >> "$PGDATA/postgresql.conf"
}

initialise() { # ARGUMENTS OF postgres
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'error: the database is not initialised and the superuser has no password: set POSTGRES_PASSWORD' >&2
    exit 1
  fi
  eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") --pgdata="$PGDATA" '"$POSTGRES_INITDB_ARGS"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  if [ -z "${NO_TS_TUNE:-}" ]; then
    python3 /usr/local/lib/server/tune.py >> "$PGDATA/postgresql.conf"
  fi
  start_server "$@"
  if [ "$POSTGRES_DB" != postgres ]; then
    run_sql postgres --set name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
  fi
  create_extension
  for file in /docker-entrypoint-initdb.d/*.sql; do
    if [ -f "$file" ]; then run_sql "$POSTGRES_DB" --file="$file"; fi
  done
  pg_ctl --pgdata="$PGDATA" --mode=fast --wait --silent stop
  echo 'PostgreSQL init process complete; ready for start up.'
}

if [ "${1:-}" = '' ] || [ "${1:0:1}" = '-' ]; then
  set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
  read_variable POSTGRES_PASSWORD ''
  read_variable POSTGRES_USER postgres
  read_variable POSTGRES_DB "$POSTGRES_USER"
  read_variable POSTGRES_INITDB_ARGS ''
  if [ "$(id -u)" = 0 ]; then
    mkdir --parents "$PGDATA"
    chmod 0700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups bash "$BASH_SOURCE" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initialise "${@:2}"
  fi
fi
exec "$@"
