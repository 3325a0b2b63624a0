# Stages with time limits, for tests/run and .ci/run to source.
#   stage NAME SECONDS COMMAND…   run it; a failure is noted in `failed`, and returned
#   side_by_side LANE…            functions that run stages, at the same time; a stage's output is shown whole when it has ended
#   print_stages                  the time and the result of each
#   stop_stage                    end what runs, for traps
stages=() failed=() lanes=()
running= lane_folder=

# In a session of its own, so that a stage that hangs ends whole, with whatever it started.
stage() {
  local name=$1 limit=$2 begin=$SECONDS status=0 result=passed output=$lane_folder/$BASHPID.output
  shift 2
  printf '\n==> %s (at most %s s)\n' "$name" "$limit"
  if [ -n "$lane_folder" ]; then
    setsid timeout --kill-after=15 "$limit" "$@" </dev/null >"$output" 2>&1 &
  else
    setsid timeout --kill-after=15 "$limit" "$@" </dev/null &
  fi
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
  if [ -n "$lane_folder" ]; then
    flock "$lane_folder" cat "$output"
  fi
  printf '<== %s: %s, %d s\n' "$name" "$result" $((SECONDS - begin))
  return "$status"
}

side_by_side() {
  local folder lane
  folder=$(mktemp -d)
  for lane in "$@"; do
    run_lane "$lane" "$folder" &
    lanes+=($!)
  done
  for lane in "${lanes[@]}"; do wait "$lane"; done
  lanes=()
  for lane in "$@"; do
    mapfile -t -O ${#stages[@]} stages <"$folder/$lane.stages"
    mapfile -t -O ${#failed[@]} failed <"$folder/$lane.failed"
  done
  rm -rf "$folder"
}

run_lane() {
  local lane=$1
  lane_folder=$2 stages=() failed=()
  trap 'stop_stage; exit 130' INT TERM
  echo "$lane" >"$lane_folder/$lane.failed"
  : >"$lane_folder/$lane.stages"
  "$lane"
  printf '%s\n' "${stages[@]}" >"$lane_folder/$lane.stages"
  if [ ${#failed[@]} -gt 0 ]; then printf '%s\n' "${failed[@]}"; fi >"$lane_folder/$lane.failed"
}

print_stages() {
  [ ${#stages[@]} -eq 0 ] || printf '  %s\n' "${stages[@]}"
  [ ${#failed[@]} -eq 0 ] || printf '\nfailed: %s\n' "${failed[*]}"
}

stop_stage() {
  if [ ${#lanes[@]} -gt 0 ]; then
    kill -TERM "${lanes[@]}" 2>/dev/null
    wait "${lanes[@]}" 2>/dev/null
    lanes=()
  fi
  [ -n "$running" ] || return 0
  kill -TERM -- "-$running" 2>/dev/null
  wait "$running" 2>/dev/null
  running=
}
