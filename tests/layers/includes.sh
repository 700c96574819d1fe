#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The layer rule is enforced by include paths; this proves that the paths do enforce it: a source of one layer that
# includes a header of a higher one must not compile. Arguments: the source folder. TAP on standard output.
set -u
src=$1
n=0 failed=0
# folder, a header of a higher layer (or of its sibling version), the folders whose headers it may see
check() {
    local folder=$1 header=$2 n_ok
    n=$((n + 1))
    # The declared dependencies of the folder are the include paths that Meson gives it.
    local paths="-I$src/$folder" deps
    deps=$(sed -n "s/^${folder}_deps = \[\(.*\)\]/\1/p" "$src/$folder/meson.build" | tr ',' '\n' | sed -n 's/ *\([a-z0-9]*\)_dep$/\1/p')
    for d in $deps; do [ -d "$src/$d" ] && paths+=" -I$src/$d"; done
    if echo "#include \"$header\"" | cc -D_GNU_SOURCE $paths -fsyntax-only -x c - 2>/dev/null; then
        echo "not ok $n - $folder can include $header"
        failed=1
    else
        echo "ok $n - $folder cannot include $header"
    fi
}
check base wire.h
check wire crypto.h
check crypto isakmp.h
check isakmp ike.h
check radius ike.h
check radius isakmp.h
check policy match.h
check proposal effects.h
check esp ike.h
check esp dataplane.h
check ike dataplane.h
check ike steer.h
check ike1 dataplane.h
check ike1 log_sink.h
check dataplane ike.h
check dataplane steer.h
check io dataplane.h
check io log_sink.h
echo "1..$n"
exit $failed
