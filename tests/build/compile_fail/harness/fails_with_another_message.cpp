// expect: this message does not come
int main() {
    return undeclared;
}
