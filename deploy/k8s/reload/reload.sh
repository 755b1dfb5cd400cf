#!/bin/sh
# Sends SIGHUP to the proxy when the kubelet has put a new configuration into a mounted directory.
#
#   reload.sh DIRECTORY NAME [SECONDS]
#
# NAME is the proxy's process, as in /proc/PID/comm; SECONDS, 2, is how often to look.
#
# The kubelet writes the files of a ConfigMap into a directory of a new name and renames a symlink,
# `..data`, to point there: what the link says is the version, and a version is never half there.
# To look every two seconds is nothing beside the minute that the kubelet may take, and needs no tool
# that the image does not have.
set -u
directory=$1
name=$2
pause=${3:-2}

say() { printf '%s - reload - %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$1"; }

# Whether a SIGHUP would end the process instead: one that has just started has read the file but
# does not catch signals yet, and a health check of the same name never will.
catches_hup() {
  while read -r key mask; do
    [ "$key" = SigCgt: ] || continue
    # SIGHUP is signal 1, the lowest bit of a hexadecimal number.
    case $mask in *[13579bdf]) return 0 ;; *) return 1 ;; esac
  done 2>/dev/null <"/proc/$1/status"
  return 1
}

# Says which processes got the signal; none is a failure.
hang_up() {
  told=
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    # A process may end at any point of this.
    { read -r comm <"$process/comm"; } 2>/dev/null || continue
    if [ "$comm" = "$name" ] && catches_hup "$pid" && kill -HUP "$pid"; then
      told="$told $pid"
    fi
  done
  [ -n "$told" ]
}

if ! [ -L "$directory/..data" ]; then
  say "$directory is not a mounted ConfigMap; a file mounted by subPath is never updated"
  exit 1
fi
# Which version the proxy has read is not known when this begins, or begins again after a failure:
# it is told once, which at worst makes it read what it has.
applied=
missed=
while :; do
  # First the version, then the signal: the proxy reads this version or a later one, and a later
  # one is noticed in the next round.
  if found=$(readlink "$directory/..data") && [ "$found" != "$applied" ]; then
    if hang_up; then
      say "SIGHUP to$told for $found"
      applied=$found
    elif [ "$found" != "$missed" ]; then
      # It may not be up yet. If this stays the last line, it cannot be seen: shareProcessNamespace.
      say "No $name takes a SIGHUP for $found yet"
      missed=$found
    fi
  fi
  sleep "$pause"
done
