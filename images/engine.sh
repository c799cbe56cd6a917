# How images/build and images/rootfs find the container engine. They source this file after tests/lib/common.sh.
# shellcheck shell=bash

# choose_engine [docker|podman] sets `engine` to the one that is named, or to the first that is installed, and sees to it
# that it can be used: what is wrong is said together with what helps.
choose_engine() {
	engine=${1-}
	case $engine in
	'')
		if command -v docker >/dev/null; then engine=docker
		elif command -v podman >/dev/null; then engine=podman
		else
			die "there is no container engine: install docker ('sudo apt-get install docker.io') or podman
('sudo apt-get install podman')"
		fi ;;
	docker | podman) command -v "$engine" >/dev/null || die "$engine is not installed: 'sudo apt-get install ${engine/#docker/docker.io}'" ;;
	*) die "--engine is docker or podman, not '$engine'" ;;
	esac
	if [[ $engine == docker ]]; then check_docker; else check_podman; fi
}

check_docker() {
	local host=${DOCKER_HOST-} socket
	docker version >/dev/null 2>&1 && return
	[[ $host || ${DOCKER_CONTEXT-} ]] || host=unix:///var/run/docker.sock
	if [[ $host == unix://* ]]; then
		socket=${host#unix://}
		[[ -S $socket ]] ||
			die "docker's daemon does not run: there is no $socket. Start it with 'sudo systemctl start docker' or
'sudo dockerd &', or say with DOCKER_HOST where it is"
		[[ -r $socket && -w $socket ]] ||
			die "you may not use docker's daemon: run this with sudo, or let root add you to the group that owns
$socket ('sudo usermod -aG docker $(id -un)', then log in anew)"
	fi
	docker version >/dev/null || die "docker's daemon${host:+ at $host} does not answer; what docker says is above"
}

# Images are each user's own in podman, and TazPod's containers are root's.
check_podman() {
	(( EUID == 0 )) || die "with podman, TazPod's containers and images are root's: run this with sudo"
	podman info >/dev/null || die "podman does not work here; what it says is above"
}

has_image() { "$engine" image inspect "$1" >/dev/null 2>&1; }
