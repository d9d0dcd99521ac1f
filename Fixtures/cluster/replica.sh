#!/bin/sh
# Makes a container of the postgres image a streaming replica: copies the primary once, then runs the server.
# Arguments: the replica's name, then options of the server.
set -eu
name="$1"
shift

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    source="host=primary port=5432 user=postgres password=postgres application_name=$name"
    until pg_isready --quiet --host primary --port 5432; do sleep 0.5; done
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    until gosu postgres pg_basebackup -d "$source" -D "$PGDATA" -R -X stream -c fast; do
        find "$PGDATA" -mindepth 1 -delete
        sleep 1
    done
    chmod 0700 "$PGDATA"
fi
exec gosu postgres postgres -c cluster_name="$name" "$@"
