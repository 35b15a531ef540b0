# Shared by backup.sh and restore.sh. Source it; it runs nothing by itself.
# shellcheck shell=bash

# Of the first that is there: where an operator has several, the newest reads what the others wrote.
add_postgres_programs() {
    local folder
    have pg_restore && have pg_dump && have psql && return
    for folder in $(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -rV); do
        [[ ! -x $folder/pg_dump ]] || { PATH="$folder:$PATH" && return; }
    done
    die "pg_dump, pg_restore and psql are needed: apt install postgresql-client"
}

# What stands for a byte as %XX.
decoded() {
    local text="${1//\\/\\\\}"
    printf '%b' "${text//%/\\x}"
}

# The password is taken out of DATABASE_URL: arguments of a process are seen by every user of the machine, its
# environment is not. Sets DATABASE, for --dbname.
take_database_url() {
    local credentials rest
    [[ -n ${DATABASE_URL:-} ]] || die "DATABASE_URL is not set: postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    DATABASE="$DATABASE_URL"
    # The user's part ends at the last @ before the path.
    if [[ $DATABASE =~ ^(postgres(ql)?://)([^/?#]*)@(.*)$ ]]; then
        credentials="${BASH_REMATCH[3]}" rest="${BASH_REMATCH[1]}"$'\n'"${BASH_REMATCH[4]}"
        if [[ $credentials == *:* ]]; then
            PGPASSWORD="$(decoded "${credentials#*:}")"
            DATABASE="${rest%%$'\n'*}${credentials%%:*}@${rest#*$'\n'}"
        fi
    fi
    # Else as a parameter of the URL, or in a string of keywords.
    if [[ $DATABASE =~ ^(.*[?&])password=([^&]*)(&?)(.*)$ ]]; then
        PGPASSWORD="$(decoded "${BASH_REMATCH[2]}")"
        DATABASE="${BASH_REMATCH[1]}${BASH_REMATCH[4]}"
    elif [[ $DATABASE != *://* && $DATABASE =~ (^|.*[[:space:]])password[[:space:]]*=[[:space:]]*([^\'[:space:]]+)(.*)$ ]]; then
        PGPASSWORD="${BASH_REMATCH[2]}"
        DATABASE="${BASH_REMATCH[1]}${BASH_REMATCH[3]}"
    elif [[ $DATABASE != *://* && $DATABASE == *password* ]]; then
        die "a password in quotes is not read out of DATABASE_URL: use PGPASSWORD or ~/.pgpass"
    fi
    [[ -z ${PGPASSWORD:-} ]] || export PGPASSWORD
    export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-15}" PGAPPNAME="${PGAPPNAME:-${0##*/}}"
    unset DATABASE_URL
}

# query SQL: its one value.
query() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align -v ON_ERROR_STOP=1 -c "$1" "$DATABASE"; }

# schema_of LIST: where the tables of Podling are in a backup, by what pg_restore --list says of it.
schema_of() { sed -nE 's/^[0-9]+; [0-9]+ [0-9]+ TABLE DATA ([^ ]+) podling_leader .*$/\1/p' <<<"$1" | head -n 1; }
