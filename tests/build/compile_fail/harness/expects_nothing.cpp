// A file without an expectation.
int main() {
    return undeclared;
}
