# Says what an image holds, and which PostgreSQL the mounted data belongs to, in lines of name=value. Changes nothing.
folder="$(pg_config --sharedir)/extension"
echo "uid=$(id -u postgres)"
echo "gid=$(id -g postgres)"
echo "postgresql=$(postgres --version | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')"
version="$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$folder/timescaledb.control")"
echo "timescaledb=$version"
updates=
for file in "$folder"/timescaledb--*--"$version".sql; do
  name="${file##*/timescaledb--}"
  updates="$updates ${name%%--*}"
done
echo "updates=$updates"
if [ -f "$PGDATA/PG_VERSION" ]; then
  echo "data=$(cat "$PGDATA/PG_VERSION")"
fi
# Arguments are settings, which the server's own program is to look at: -c NAME=VALUE ...
if said="$(postgres -C data_directory -D /tmp -c config_file=/dev/null "$@" 2>&1)"; then
  said=
fi
echo "refusal=$(echo "$said" | sed -n 's/^.*\(LOG\|FATAL\|HINT\|DETAIL\): *//p' | tr '\n' ';')"
