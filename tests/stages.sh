# Stages with time limits, for tests/run and .ci/run to source.
#   stage NAME SECONDS COMMAND…   run it; a failure is noted in `failed`, and returned
#   print_stages                  the time and the result of each
#   stop_stage                    end the one that runs, for traps
stages=() failed=()
running=

# In a session of its own, so that a stage that hangs ends whole, with whatever it started.
stage() {
  local name=$1 limit=$2 begin=$SECONDS status=0 result=passed
  shift 2
  printf '\n==> %s (at most %s s)\n' "$name" "$limit"
  setsid timeout --kill-after=15 "$limit" "$@" </dev/null &
  running=$!
  wait "$running" || status=$?
  running=
  case $status in
    0) ;;
    124 | 137) result="timed out after $limit s" ;;
    *) result="failed ($status)" ;;
  esac
  [ "$status" -eq 0 ] || failed+=("$name")
  stages+=("$(printf '%-14s %5d s  %s' "$name" $((SECONDS - begin)) "$result")")
  printf '<== %s: %s, %d s\n' "$name" "$result" $((SECONDS - begin))
  return "$status"
}

print_stages() {
  [ ${#stages[@]} -eq 0 ] || printf '  %s\n' "${stages[@]}"
  [ ${#failed[@]} -eq 0 ] || printf '\nfailed: %s\n' "${failed[*]}"
}

stop_stage() {
  [ -n "$running" ] || return 0
  kill -TERM -- "-$running" 2>/dev/null
  wait "$running" 2>/dev/null
  running=
}
