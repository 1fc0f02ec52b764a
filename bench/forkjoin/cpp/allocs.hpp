#pragma once
#include <cstdint>

// allocs returns how many times this process has allocated memory.
uint64_t allocs();
