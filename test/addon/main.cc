// The one main of all addon tests: doctest's. See `addon-tests --help`.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
