# The Debian packages that this repository uses, named here and nowhere else. For the run.sh scripts; source it.

# The packages of a group; "a|b" means that either will do, and that a is installed when both are missing.
packages_of() {
    case $1 in
        build) echo g++ cmake ninja-build libeigen3-dev ;;
        keras) echo pkg-config libhdf5-dev libzip-dev nlohmann-json3-dev ;;
        test) echo libgtest-dev ;;
        benchmark) echo libdnnl-dev python3-venv ;;
        text) echo bible-kjv ;;
        plot) echo 'gnuplot-nox|gnuplot-qt|gnuplot-x11' ;;
        clang) echo clang libclang-rt-dev llvm ;;
        tidy) echo clang-tidy ;;
        *) echo "packages_of: unknown group $1" >&2; return 1 ;;
    esac
}

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_packages GROUP...: the packages that are not installed, on one line.
missing_packages() {
    local group entry package missing=() found
    for group in "$@"; do
        for entry in $(packages_of "$group"); do
            found=no
            for package in ${entry//|/ }; do
                if is_installed "$package"; then found=yes; fi
            done
            if [ $found = no ]; then missing+=("${entry%%|*}"); fi
        done
    done
    echo "${missing[*]}"
}

# install_packages GROUP...: installs what is missing as root, or says the one command that does.
install_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian system; going on in the hope that these are there under other names:"
        local group
        for group in "$@"; do echo "  $group: $(packages_of "$group")"; done
        return 0
    fi
    missing=$(missing_packages "$@")
    if [ -z "$missing" ]; then
        echo "nothing is missing"
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "Some packages are missing. Type this, then start again:"
        echo "sudo apt-get install -y $missing"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # the list is meant to be split
    apt-get -o Acquire::Retries=3 update &&
        apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
}
