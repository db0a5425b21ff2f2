# cuDNN and the CUDA runtime as Python packages, for machines without a toolkit: headers and libraries, no compiler. For
# the run.sh scripts; source it.

# The versions that were tried. cuDNN loads cuBLAS when it runs on a device, and never in a test without one.
cudnn_packages=(nvidia-cudnn-cu13==9.28.1.4 nvidia-cuda-runtime==13.5.37 nvidia-cuda-crt==13.5.37)

# install_cudnn_packages FOLDER: brings them into FOLDER, once. Then CUDNN_ROOT=FOLDER/packages finds them.
install_cudnn_packages() {
    local folder=$1
    if [ -e "$folder/complete" ] && [ "$(cat "$folder/complete")" = "${cudnn_packages[*]}" ]; then
        echo "they are there already"
        return 0
    fi
    rm -rf "$folder"
    python3 -m venv "$folder/venv" &&
        "$folder/venv/bin/pip" install --no-deps --target "$folder/packages" "${cudnn_packages[@]}" &&
        echo "${cudnn_packages[*]}" >"$folder/complete"
}
