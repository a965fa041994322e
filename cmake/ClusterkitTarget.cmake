# One library of the project: warnings, include paths, alias, export name.
#   clusterkit_library(core HEADERS a.h SOURCES a.cc b.cc PUBLIC absl::time PRIVATE ...)
# HEADERS are its public ones, named from include/clusterkit; without them those are all in the
# directory there that has the library's name.
function(clusterkit_library name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target clusterkit_${name})
  add_library(${target} ${ARG_SOURCES})
  add_library(clusterkit::${name} ALIAS ${target})
  if(NOT ARG_HEADERS)
    file(GLOB ARG_HEADERS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include/clusterkit
      ${PROJECT_SOURCE_DIR}/include/clusterkit/${name}/*.h)
  endif()
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    CLUSTERKIT_HEADERS "${ARG_HEADERS}")
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  clusterkit_warnings(${target})
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    clusterkit_export_public_headers(${target})
  endif()
endfunction()

# A shared library exports what its public headers declare, and nothing else. So that no declaration
# needs a mark, each source begins with those headers, read with default visibility; all that
# follows is hidden. The version script keeps instantiations of others' templates inside.
function(clusterkit_export_public_headers target)
  get_target_property(headers ${target} CLUSTERKIT_HEADERS)
  list(TRANSFORM headers REPLACE "(.+)" "#include \"clusterkit/\\1\"")
  list(JOIN headers "\n" includes)
  set(exported ${CMAKE_CURRENT_BINARY_DIR}/${target}_exported.h)
  file(CONFIGURE OUTPUT ${exported} @ONLY CONTENT
    "#pragma GCC visibility push(default)\n@includes@\n#pragma GCC visibility pop\n")
  set(script ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${script})
  target_compile_options(${target} PRIVATE "SHELL:-include ${exported}")
  target_link_options(${target} PRIVATE -Wl,--version-script=${script} -Wl,--no-undefined)
endfunction()

function(clusterkit_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(CLUSTERKIT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
