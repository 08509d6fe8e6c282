# Shared by .ci/run and .ci/full: steps with their times, and what a bare machine lacks.
# Sourced, never run.

steps=()
failed=0
target=${CARGO_TARGET_DIR:-target}

# step NAME COMMAND...: runs the command, remembers result and seconds, goes on after a failure.
step() {
  local name=$1 began=$SECONDS result=ok
  shift
  printf '\n=== %s\n' "$name"
  if ! "$@"; then
    result=FAILED
    failed=1
  fi
  steps+=("$(printf '%-6s %5d s  %s' "$result" $((SECONDS - began)) "$name")")
}

# skip NAME REASON
skip() {
  printf '\n=== %s\nSKIPPED: %s\n' "$1" "$2"
  steps+=("$(printf '%-6s %5d s  %s: %s' skip 0 "$1" "$2")")
}

# Prints every step with its time; the exit status of the whole.
summary() {
  printf '\n=== summary, %d s in all\n' "$SECONDS"
  printf '%s\n' "${steps[@]}"
  return "$failed"
}

# A C compiler (for zstd and xz), rustfmt and clippy.
prepare() {
  if ! command -v cc >/dev/null; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
      apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy gcc libc6-dev
    else
      echo 'no C compiler: install gcc or clang, so that cc can be called' >&2
      return 1
    fi
  fi
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
  fi
  command -v cargo >/dev/null || {
    echo 'no cargo: install Rust from https://rustup.rs' >&2
    return 1
  }
  local component
  for component in fmt clippy; do
    if ! cargo "$component" --version >/dev/null 2>&1; then
      rustup component add "${component/fmt/rustfmt}" || return 1
    fi
  done
  cargo --version
}

# Whether a Docker Engine answers where towtank would look for it.
engine_answers() {
  local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
  case $socket in
    unix://*) [ -S "${socket#unix://}" ] ;;
    *) return 1 ;;
  esac
}

# Scenarios that name files under data/ need outside data.
scenarios_without_data() { grep -L '"\(\.\./\)*data/' scenarios/*.toml scenarios/ecs/*.toml scenarios/traces/*.toml; }
scenarios_with_data() { grep -l '"\(\.\./\)*data/' scenarios/*.toml scenarios/traces/*.toml || true; }
