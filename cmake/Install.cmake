# What an installation holds: headers, libraries, package files for CMake and pkg-config. Also the
# umbrella target clusterkit::clusterkit, which a project that uses add_subdirectory() links too.

option(CLUSTERKIT_INSTALL "Generate the install target" ${PROJECT_IS_TOP_LEVEL})

# Everything a node on a real machine needs; the simulator is asked for by name.
set(CLUSTERKIT_UMBRELLA ${CLUSTERKIT_COMPONENTS})
list(REMOVE_ITEM CLUSTERKIT_UMBRELLA sim)
add_library(clusterkit INTERFACE)
add_library(clusterkit::clusterkit ALIAS clusterkit)
foreach(component IN LISTS CLUSTERKIT_UMBRELLA)
  target_link_libraries(clusterkit INTERFACE clusterkit::${component})
endforeach()

if(NOT CLUSTERKIT_INSTALL)
  return()
endif()

# In installation scripts `file` is a variable too. By this policy the name in quotes is not.
install(CODE "cmake_policy(SET CMP0054 NEW)" ALL_COMPONENTS)

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/clusterkit)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(generated_dir ${PROJECT_BINARY_DIR}/package)

# Each library with its headers and package files is an install component of its own:
# `cmake --install build --component core` makes an installation to build against. What a finished
# program needs of shared libraries is also the component `runtime`, for packages.
function(clusterkit_install_library component)
  set(target clusterkit_${component})
  get_target_property(headers ${target} CLUSTERKIT_HEADERS)
  foreach(header IN LISTS headers)
    get_filename_component(directory clusterkit/${header} DIRECTORY)
    install(FILES ${PROJECT_SOURCE_DIR}/include/clusterkit/${header}
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${directory} COMPONENT ${component})
  endforeach()
  set_target_properties(${target} PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    # Shared libraries find each other wherever the installation is.
    INSTALL_RPATH "$ORIGIN")
  install(TARGETS ${target} EXPORT clusterkit-${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
  install(EXPORT clusterkit-${component} NAMESPACE clusterkit:: DESTINATION ${package_dir}
    COMPONENT ${component})
  if(BUILD_SHARED_LIBS)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
      COMPONENT runtime EXCLUDE_FROM_ALL NAMELINK_SKIP)
  endif()
endfunction()

# One .pc file for each library, and clusterkit.pc for the umbrella. Paths are relative to the
# file, so that an installation can be moved.
file(RELATIVE_PATH pc_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})

# clusterkit_pkgconfig(<name> <install component> <description> <libs> REQUIRES ... PRIVATE ...
#                      LIBS_PRIVATE ...)
function(clusterkit_pkgconfig name component description libs)
  cmake_parse_arguments(PARSE_ARGV 4 ARG "" "" "REQUIRES;PRIVATE;LIBS_PRIVATE")
  # With nothing but static libraries here, what they need is needed always, not by --static only.
  if(NOT BUILD_SHARED_LIBS)
    list(APPEND ARG_REQUIRES ${ARG_PRIVATE})
    list(APPEND libs ${ARG_LIBS_PRIVATE})
    set(ARG_PRIVATE)
    set(ARG_LIBS_PRIVATE)
  endif()
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  list(JOIN ARG_REQUIRES ", " PC_REQUIRES)
  list(JOIN ARG_PRIVATE ", " PC_REQUIRES_PRIVATE)
  list(JOIN libs " " PC_LIBS)
  list(JOIN ARG_LIBS_PRIVATE " " PC_LIBS_PRIVATE)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/clusterkit.pc.in ${generated_dir}/${name}.pc @ONLY)
  install(FILES ${generated_dir}/${name}.pc DESTINATION ${pkgconfig_dir} COMPONENT ${component})
endfunction()

set(pc_core REQUIRES absl_status absl_statusor absl_strings absl_time absl_span absl_function_ref
  absl_any_invocable absl_btree)
set(pc_wire REQUIRES clusterkit-core PRIVATE protobuf-lite)
set(pc_node REQUIRES clusterkit-core)
set(pc_file REQUIRES clusterkit-core)
set(pc_uv REQUIRES clusterkit-core libuv LIBS_PRIVATE -pthread)
set(pc_sim REQUIRES clusterkit-node PRIVATE clusterkit-wire absl_str_format)
set(about_core "Cluster membership, failure detection and failover: the protocol")
set(about_wire "clusterkit: the protobuf encoding of the cluster bus")
set(about_node "clusterkit: a member of a cluster, for embedding")
set(about_file "clusterkit: state stores")
set(about_uv "clusterkit: adapters for libuv")
set(about_sim "clusterkit: many nodes in one process and virtual time")
foreach(component IN LISTS CLUSTERKIT_COMPONENTS)
  clusterkit_install_library(${component})
  clusterkit_pkgconfig(clusterkit-${component} ${component} "${about_${component}}"
    -lclusterkit_${component} ${pc_${component}})
endforeach()
list(TRANSFORM CLUSTERKIT_UMBRELLA PREPEND clusterkit- OUTPUT_VARIABLE requires_umbrella)
clusterkit_pkgconfig(clusterkit umbrella "An embeddable cluster control plane" ""
  REQUIRES ${requires_umbrella})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/clusterkit-config.cmake.in
  ${generated_dir}/clusterkit-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${generated_dir}/clusterkit-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${generated_dir}/clusterkit-config.cmake
              ${generated_dir}/clusterkit-config-version.cmake
  DESTINATION ${package_dir} COMPONENT core)
