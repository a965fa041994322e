# One library of the project: warnings, include paths, alias, export name.
#   clusterkit_library(core SOURCES a.cc b.cc PUBLIC absl::time PRIVATE ...)
function(clusterkit_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target clusterkit_${name})
  add_library(${target} ${ARG_SOURCES})
  add_library(clusterkit::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  clusterkit_warnings(${target})
endfunction()

function(clusterkit_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(CLUSTERKIT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
