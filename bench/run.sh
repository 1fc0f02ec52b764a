#!/usr/bin/env bash
# Builds and runs every benchmark and writes one table with the targets.
#
#   run.sh           five runs of everything; keeps the raw text and the table in
#                    results/<date>-<commit>-<cpu>/
#   run.sh -o DIR    keeps them in DIR
#   run.sh -quick    one short run with small sizes, to see that all of it works;
#                    its figures mean nothing and are not kept
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() { sed -n '4,8s/^# \{0,3\}//p' run.sh >&2; exit 2; }

# All of it is read before it starts, so that the file may change while it runs.
main() {
	quick= out=
	while (($#)); do
		case $1 in
		-quick) quick=1 ;;
		-o) (($# > 1)) || usage; out=$2; shift ;;
		*) usage ;;
		esac
		shift
	done

	# Five runs: the least that has a median which two bad runs don't move.
	runs=5 tasks=1000000 waiting=1000000 idle=5s short=500ms rounds=3x pairs=9x sleeps=1000x net='-rounds 1'
	if [[ $quick ]]; then
		runs=1 tasks=10000 waiting=20000 idle=200ms short=1x rounds=1x pairs=1x sleeps=1x net=-quick
	fi

	bin=$(mktemp -d)
	trap 'rm -rf "$bin"' EXIT
	raw=$bin/raw.txt

	go test -c -o "$bin/bench.test" .
	go build -o "$bin/" ./mem ./idle ./nested ./net ./table
	go build -o "$bin/httpd" ../examples/httpd
	(cd .. && go test -c -o "$bin/runq.test" .)

	cores=$(nproc)
	cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
	commit=$(git rev-parse --short HEAD 2>/dev/null || echo uncommitted)
	if [[ $commit != uncommitted ]] && ! git diff --quiet HEAD -- ..; then
		commit+=-modified
	fi
	{
		echo "date: $(date -u +%FT%TZ)"
		echo "commit: $commit"
		echo "go: $(go env GOVERSION)"
		echo "kernel: $(uname -sr)"
		echo "cores: $cores"
		if [[ $quick ]]; then echo "note: a quick run with small sizes; its figures mean nothing"; fi
	} >"$raw"

	# go_bench BINARY ARGS...: runs benchmarks, keeps what they print and shows it on
	# standard error; standard output is for the table.
	go_bench() { "$@" -test.run '^$' | tee -a "$raw" >&2; }

	# Every benchmark runs in a process of its own: a million goroutines leave the
	# runtime of the next row something to clean up. The list comes from a dry run.
	# Each name becomes a pattern that matches it alone: Spawn1M/impl=go is
	# ^Spawn1M$/^impl=go$.
	patterns=$("$bin/bench.test" -test.run '^$' -test.bench . -test.benchtime 1x -tasks 1 |
		sed -nE '/^Benchmark/{s/[[:space:]].*//; s/-[0-9]+$//; s#/#$/^#g; s/.*/^&$/p}')

	# One run of everything after the other, not one benchmark five times: so a
	# busy minute of the machine falls on all rows, or is outvoted.
	for ((i = 1; i <= runs; i++)); do
		echo "run $i of $runs" >&2
		for p in $patterns; do
			case $p in
			*Spawn* | *Timers1M*) time=$rounds ;;
			*TimerLate*) time=$sleeps ;;
			*Tracing*) time=$pairs ;;
			*) time=$short ;;
			esac
			go_bench "$bin/bench.test" -test.bench "$p" -test.benchtime "$time" -tasks "$tasks"
		done
		(cd .. && go_bench "$bin/runq.test" -test.bench '^BenchmarkPingPong$/^impl=' -test.benchtime "$short" \
			-test.cpu "$([[ $cores == 1 ]] && echo 1 || echo "1,$cores")")
		"$bin/mem" -n "$waiting" | tee -a "$raw" >&2
		"$bin/idle" -d "$idle" | tee -a "$raw" >&2
		# shellcheck disable=SC2086 # it is several words
		"$bin/net" $net -httpd "$bin/httpd" | tee -a "$raw" >&2
	done
	# Once: the answer is no figure, and every "deadlocks" waits for its time-out.
	"$bin/nested" | tee -a "$raw" >&2

	"$bin/table" "$raw" >"$bin/table.md"
	cat "$bin/table.md"

	if [[ ! $quick && ! $out ]]; then
		slug=$(tr -cs 'a-zA-Z0-9\n' - <<<"${cpu:-unknown}" | tr A-Z a-z | sed 's/^-//; s/-$//')
		out=results/$(date -u +%Y%m%d)-$commit-$slug
	fi
	if [[ $out ]]; then
		mkdir -p "$out"
		cp "$raw" "$bin/table.md" "$out/"
		echo "kept in $out" >&2
	fi
}

main "$@"; exit
