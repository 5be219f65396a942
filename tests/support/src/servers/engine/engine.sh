# The first process of namespaces in which an engine runs: its own network, mounts and processes.
#
#   engine.sh FOLDER SIZE ADDRESS GATEWAY
#
# Takes one word a line, and answers each with a line. When nobody can write to it any more, everything in the namespaces
# ends with it: engine, containers, network, and what they wrote, which lay in memory.
set -u
exec 2>>"$1/log"
folder=$1 size=$2 address=$3 gateway=$4
group=rolling-router-$(basename "$folder")

mount -t tmpfs -o "size=$size" tmpfs "$folder/data" && mount -t tmpfs tmpfs "$folder/exec" || exit 1
storage=overlay2

secure=()
if [ -f "$folder/cert.pem" ]; then
  secure=(--host "tcp://$address:2376" --tlsverify --tlscacert "$folder/ca.pem" --tlscert "$folder/cert.pem" --tlskey "$folder/key.pem")
fi

start() {
  dockerd "${secure[@]}" --storage-driver="$storage" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/exec/pid" \
    --host "unix://$folder/docker.sock" --cgroup-parent "/$group" --insecure-registry 100.64.0.0/10 \
    --max-concurrent-downloads 2 --live-restore=false >>"$folder/log" 2>&1 &
  engine=$!
}

while read -r word; do
  case $word in
    network)
      ip link set lo up && ip address add "$address/30" dev eth0 && ip link set eth0 up &&
        ip route add default via "$gateway"
      ;;
    start)
      start
      # Where the kernel has no overlay in memory, plain copies do.
      sleep 0.3
      if ! kill -0 "$engine" 2>/dev/null && [ "$storage" = overlay2 ]; then storage=vfs && start; fi
      ;;
    open) iptables -I DOCKER-USER -j ACCEPT ;;
    kill) kill -9 "$engine" && wait "$engine" 2>/dev/null ;;
    stop) kill -TERM "$engine" && wait "$engine" 2>/dev/null ;;
    halt) kill -STOP "$engine" ;;
    resume) kill -CONT "$engine" ;;
  esac
  echo "$word"
done

kill -9 -1
umount -l "$folder/data" "$folder/exec"
for place in /sys/fs/cgroup/*/"$group" /sys/fs/cgroup/"$group"; do
  [ -d "$place" ] && find "$place" -depth -type d -exec rmdir {} + 2>/dev/null
done
rm -rf "$folder"
