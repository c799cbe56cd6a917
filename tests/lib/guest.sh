# What the scripts under tests/guest share; it stands on common.sh.
# shellcheck shell=bash

# shellcheck source=tests/lib/debian.sh
. "$TZ_TOP/tests/lib/debian.sh"

GUESTS=(bookworm trixie)
guest_cache=$TAZPOD_CACHE/guest

known_guest() {
	[[ " ${GUESTS[*]} " == *" ${1-} "* ]] || die "which guest? One of: ${GUESTS[*]}"
}

# cached NAME FILE... prints the cache folder for NAME, whose contents the FILEs decide.
cached() {
	local name=$1
	shift
	mkdir -p "$guest_cache"
	printf '%s/%s-%s\n' "$guest_cache" "$name" "$(cat "$@" | sha256sum | cut -c1-12)"
}

# make_cached FOLDER FUNCTION makes FOLDER by calling FUNCTION with a temporary name for it, once for all who ask.
make_cached() {
	local folder=$1 make=$2 lock
	exec {lock}>"$folder.lock"
	flock "$lock"
	if [[ ! -d $folder ]]; then
		rm -rf --one-file-system "$folder.new"
		mkdir -p "$folder.new"
		"$make" "$folder.new"
		mv "$folder.new" "$folder"
	fi
	exec {lock}>&-
}

# qemu_command FOLDER prints, one word a line, the command for a guest with FOLDER's kernel and initrd.
qemu_command() {
	local folder=$1 accel
	accel=$("$TZ_TOP/tests/guest/accel" "$folder")
	# Of what "max" has: five levels of page tables would only cost an emulator time; and cmpxchg16b, in QEMU 7.2, takes
	# the flags from before the last operation, which can be any number. An interrupt just then makes the kernel panic.
	local machine=(-accel "tcg,thread=multi,tb-size=512" -cpu "max,la57=off,cx16=off")
	if [[ $accel == kvm ]]; then machine=(-accel kvm -cpu host); fi
	printf '%s\n' qemu-system-x86_64 -M q35,smm=off,vmport=off "${machine[@]}" -smp 2 -m 2048 -nodefaults \
		-display none -no-reboot -kernel "$folder/vmlinuz" -initrd "$folder/initrd.img"
}

# kernel_line [WORD...] prints the kernel's command line.
kernel_line() {
	echo "console=ttyS0 root=/dev/vda loglevel=4 panic=-1 mitigations=off random.trust_cpu=on" \
		"modprobe.blacklist=kvm,kvm_amd,kvm_intel systemd.show_status=no systemd.log_color=0 $*"
}

# disk FILE NAME OPTION... prints the arguments for a virtio disk that the guest knows by the serial number NAME.
disk() {
	local file=$1 name=$2 options=$3
	printf '%s\n' -drive "file=${file//,/,,},if=none,id=$name,$options" -device "virtio-blk-pci,drive=$name,serial=$name"
}

# pack_payload SUITE WORD... makes payload.tar: TazPod as built for the guest, the cases, and the words for their runner.
pack_payload() {
	local suite=$1 out=$TZ_OUT/guest/$1 root
	shift
	root=$out/payload
	rm -rf "$root"
	mkdir -p "$root/opt/tazpod-tests"
	cp "$out/dest.tar" "$out/payload.tar"
	cp -R "$TZ_TOP/tests/guest/cases/." "$root/opt/tazpod-tests/"
	mkdir "$root/opt/tazpod-tests/container"
	cp "$TZ_TOP/tests/container/pod.py" "$TZ_TOP/tests/container/case_death.py" "$root/opt/tazpod-tests/container/"
	cp "$TZ_TOP/tests/guest/start" "$root/opt/tazpod-tests/start"
	printf '%s\n' "$@" >"$root/opt/tazpod-tests/arguments"
	rm -rf "$root/opt/tazpod-tests/__pycache__"
	tar -C "$root" --owner=0 --group=0 -rf "$out/payload.tar" ./opt
	truncate -s %1M "$out/payload.tar"
}

# step GUEST WHAT COMMAND... runs a command whose failure is the guest's; what it says goes into the log.
step() {
	local guest=$1 what=$2 start=$SECONDS
	shift 2
	if "$@" >&2 </dev/null; then
		echo "# [$guest] $what took $((SECONDS - start)) s"
	else
		echo "not ok - [$guest] $what"
		return 1
	fi
}

# pass_on GUEST LOG < LINES passes on what tests/guest/cases/run.py says, each line with the guest's tag, and keeps it in
# LOG. It fails where a case did, and with 2 when the last line, which the guest adds, did not come.
pass_on() {
	local guest=$1 log=$2 start=$SECONDS line ended='' failed=0
	while IFS= read -r line; do
		line=${line%$'\r'}
		printf '%s\n' "$line" >>"$log"
		case $line in
		'ok - '*) echo "ok - [$guest] ${line#ok - }" ;;
		'not ok - '*) echo "not ok - [$guest] ${line#not ok - }"; failed=1 ;;
		'# end of run'*) ended=1; echo "# [$guest] it ran for $((SECONDS - start)) s" ;;
		'#'*) printf '# [%s]%s\n' "$guest" "${line#\#}" ;;
		*) printf '# [%s] %s\n' "$guest" "$line" ;;
		esac
	done
	if [[ $ended ]]; then return $failed; fi
	echo "not ok - [$guest] the run ended early, after $((SECONDS - start)) s; see $log"
	return 2
}
