// Catch2 2 and 3 name their headers differently.

#ifndef CLUSTERKIT_TESTS_SUPPORT_CATCH_H_
#define CLUSTERKIT_TESTS_SUPPORT_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // CLUSTERKIT_TESTS_SUPPORT_CATCH_H_
