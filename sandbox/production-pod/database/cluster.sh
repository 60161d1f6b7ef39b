# What the scripts beside this one share; sourced by them.
# DATA_VOLUME    the volume: the data are in its subdirectory pgdata, or in pgdata.MAJOR after an upgrade to MAJOR
installed=(/usr/lib/postgresql/*/bin)
# shellcheck disable=SC2034 # Used by those that source this.
bin=${installed[-1]} major=$(basename "$(dirname "${installed[-1]}")")

fail() {
  echo "orchestration: $*" >&2
  exit 78
}

# The directory of the data that this image can read; empty when the volume has none.
data_directory() {
  local directory
  for directory in "$DATA_VOLUME/pgdata" "$DATA_VOLUME/pgdata.$major"; do
    if [[ -e $directory/PG_VERSION && $(<"$directory/PG_VERSION") == "$major" ]]; then
      echo "$directory"
      return
    fi
  done
}

# Runs SQL from standard input without opening a port. A statement that fails is not logged: it may hold the password.
alone() {
  "$bin/postgres" --single -j -D "$1" -c exit_on_error=on -c log_checkpoints=off \
    -c log_min_error_statement=panic postgres >/dev/null
}

# Copies the cluster that the image brings into a new directory, as a file system that may lose power wants it.
# Readers of the image may read it: it holds no password.
copy_cluster() {
  cp -r /opt/orchestration/cluster "$1"
  "$bin/initdb" --sync-only --pgdata="$1" >/dev/null
}
