# Says which TimescaleDB each database has, in lines of database<TAB>version, each read in a session of its own. One that
# cannot be read has the version "unknown": then its library is not there, and it needs an update.
psql -X -At --dbname=postgres --command="SELECT datname FROM pg_database WHERE datallowconn ORDER BY datistemplate, datname" |
  while IFS= read -r database; do
    version="$(PGDATABASE="$database" psql -X -At --command="SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'" 2>/dev/null < /dev/null)" ||
      version=unknown
    printf '%s\t%s\n' "$database" "$version"
  done
