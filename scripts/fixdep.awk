# SPDX-License-Identifier: MIT
# fixdep.awk - rewrite a compiler's dependency file so that the object depends
# on the options it mentions and not on the header that holds all of them.
#
# usage: awk -v config=OUT/config -f fixdep.awk FILE.d > FILE.d.new
#
# Every prerequisite is searched for CONFIG_ words. Option FOO_BAR has the file
# OUT/config/foo/bar.h, touched when its value changes (scripts/kconfig.py); a
# file that does not exist stands for an option that was never set.

function option_file(name)
{
	name = tolower(substr(name, 8))
	gsub(/_/, "/", name)
	return config "/" name ".h"
}

function scan(path,    line)
{
	while ((getline line < path) > 0) {
		while (match(line, /CONFIG_[A-Z0-9_]+/)) {
			option[substr(line, RSTART, RLENGTH)] = 1
			line = substr(line, RSTART + RLENGTH)
		}
	}
	close(path)
}

{
	for (i = 1; i <= NF; i++) {
		if ($i == "\\")
			continue
		if ($i ~ /:$/) {
			# The first target is the object; with -MP the rest are
			# headers as targets of their own, so that a deleted one
			# is no error.
			if (!object)
				object = $i
			else
				headers[$i] = 1
		} else if ($i !~ /generated\/autoconf\.h$/) {
			prerequisite[$i] = 1
		}
	}
}

END {
	printf "%s", object
	for (path in prerequisite) {
		printf " \\\n %s", path
		scan(path)
	}
	printf "\n"
	for (name in option)
		printf "%s $(wildcard %s)\n", object, option_file(name)
	for (path in headers)
		print path
}
