# Which libraries are built, and what they need from elsewhere.

set(wanted core ${CLUSTERKIT_COMPONENTS})
if("sim" IN_LIST wanted)
  list(APPEND wanted wire node)
endif()
set(components)
foreach(component core wire node file uv sim)
  if(component IN_LIST wanted)
    list(APPEND components ${component})
  elseif(CLUSTERKIT_BUILD_TESTS OR CLUSTERKIT_BUILD_EXAMPLES OR CLUSTERKIT_BUILD_BENCH)
    message(FATAL_ERROR "Tests, examples and measurements need all components, also ${component}. "
      "Without: -DCLUSTERKIT_BUILD_TESTS=OFF -DCLUSTERKIT_BUILD_EXAMPLES=OFF "
      "-DCLUSTERKIT_BUILD_BENCH=OFF")
  endif()
  list(REMOVE_ITEM wanted ${component})
endforeach()
if(wanted)
  message(FATAL_ERROR
    "CLUSTERKIT_COMPONENTS: there is no ${wanted}, but core wire node file uv sim")
endif()
set(CLUSTERKIT_COMPONENTS ${components})

find_package(absl REQUIRED)
find_package(Threads REQUIRED)
if("wire" IN_LIST CLUSTERKIT_COMPONENTS)
  find_package(Protobuf REQUIRED)
endif()
if("uv" IN_LIST CLUSTERKIT_COMPONENTS)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
endif()

# What was found here is known in this directory and below. A project that has us as a part links
# our libraries from outside of it, and with them what they link.
if(NOT PROJECT_IS_TOP_LEVEL)
  get_directory_property(found IMPORTED_TARGETS)
  set_target_properties(${found} PROPERTIES IMPORTED_GLOBAL TRUE)
endif()
