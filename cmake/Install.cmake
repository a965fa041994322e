# What an installation holds: headers, libraries, package files for CMake and pkg-config. Also the
# umbrella target clusterkit::clusterkit, which a project that uses add_subdirectory() links too.

option(CLUSTERKIT_INSTALL "Generate the install target" ${PROJECT_IS_TOP_LEVEL})

set(CLUSTERKIT_COMPONENTS)
foreach(component core wire node file uv sim)
  if(TARGET clusterkit_${component})
    list(APPEND CLUSTERKIT_COMPONENTS ${component})
  endif()
endforeach()

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

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/clusterkit)
set(generated_dir ${PROJECT_BINARY_DIR}/package)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/clusterkit
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS clusterkit EXPORT clusterkit-targets)
foreach(component IN LISTS CLUSTERKIT_COMPONENTS)
  set_target_properties(clusterkit_${component} PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    # Shared libraries find each other wherever the installation is.
    INSTALL_RPATH "$ORIGIN")
  install(TARGETS clusterkit_${component} EXPORT clusterkit-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()

install(EXPORT clusterkit-targets NAMESPACE clusterkit:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/clusterkit-config.cmake.in
  ${generated_dir}/clusterkit-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${generated_dir}/clusterkit-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${generated_dir}/clusterkit-config.cmake
              ${generated_dir}/clusterkit-config-version.cmake
  DESTINATION ${package_dir})

# One .pc file for each library, and clusterkit.pc for the umbrella. Paths are relative to the
# file, so that an installation can be moved.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})

function(clusterkit_pkgconfig name description requires private libs)
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  list(JOIN requires ", " PC_REQUIRES)
  list(JOIN private ", " PC_REQUIRES_PRIVATE)
  set(PC_LIBS ${libs})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/clusterkit.pc.in ${generated_dir}/${name}.pc @ONLY)
  install(FILES ${generated_dir}/${name}.pc DESTINATION ${pkgconfig_dir})
endfunction()

set(requires_core absl_status absl_statusor absl_strings absl_time absl_span absl_function_ref
    absl_any_invocable absl_btree)
set(requires_wire clusterkit-core)
set(requires_node clusterkit-core)
set(requires_file clusterkit-core)
set(requires_uv clusterkit-core libuv)
set(requires_sim clusterkit-node clusterkit-wire)
set(private_wire protobuf-lite)
set(about_core "Cluster membership, failure detection and failover: the protocol")
set(about_wire "clusterkit: the protobuf encoding of the cluster bus")
set(about_node "clusterkit: a member of a cluster, for embedding")
set(about_file "clusterkit: state stores")
set(about_uv "clusterkit: adapters for libuv")
set(about_sim "clusterkit: many nodes in one process and virtual time")
foreach(component IN LISTS CLUSTERKIT_COMPONENTS)
  clusterkit_pkgconfig(clusterkit-${component} "${about_${component}}"
    "${requires_${component}}" "${private_${component}}" "-lclusterkit_${component}")
endforeach()
list(TRANSFORM CLUSTERKIT_UMBRELLA PREPEND clusterkit- OUTPUT_VARIABLE requires_umbrella)
clusterkit_pkgconfig(clusterkit "An embeddable cluster control plane" "${requires_umbrella}" "" "")
