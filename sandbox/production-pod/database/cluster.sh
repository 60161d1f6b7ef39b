# Functions shared by the scripts in this folder, which source this file.
# DATA_VOLUME    the volume; the data are in pgdata, or in pgdata.MAJOR after an upgrade to MAJOR
installed=(/usr/lib/postgresql/*/bin)
# shellcheck disable=SC2034 # Used by those that source this.
bin=${installed[-1]} major=$(basename "$(dirname "${installed[-1]}")")

fail() {
  echo "orchestration: $*" >&2
  exit 78
}

# Prints the directory with data that this image can read, or nothing if the volume contains none.
data_directory() {
  local directory
  for directory in "$DATA_VOLUME/pgdata" "$DATA_VOLUME/pgdata.$major"; do
    if [[ -e $directory/PG_VERSION && $(<"$directory/PG_VERSION") == "$major" ]]; then
      echo "$directory"
      return
    fi
  done
}

# Runs SQL from standard input without opening a port. Failed statements are not logged, as they may contain
# the password.
alone() {
  "$bin/postgres" --single -j -D "$1" -c exit_on_error=on -c log_checkpoints=off \
    -c log_min_error_statement=panic postgres >/dev/null
}

# Copies the image's prepared cluster into a new directory and syncs it to disk. The cluster contains no
# password, so it may be readable in the image.
copy_cluster() {
  cp -r /opt/orchestration/cluster "$1"
  "$bin/initdb" --sync-only --pgdata="$1" >/dev/null
}
