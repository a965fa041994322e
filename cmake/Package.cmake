# Debian packages, by cpack: libclusterkit-dev with all to build against, and, of shared libraries,
# libclusterkit<soversion> with those alone. scripts/package.sh makes both.

if(NOT PROJECT_IS_TOP_LEVEL OR NOT CLUSTERKIT_INSTALL)
  return()
endif()

set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(runtime_package libclusterkit${soversion})
set(development_package libclusterkit-dev)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME clusterkit)
set(CPACK_PACKAGE_VENDOR clusterkit)
set(CPACK_PACKAGE_CONTACT "The clusterkit maintainers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Embeddable cluster control plane for C++")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/deb)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(development ${CLUSTERKIT_COMPONENTS} umbrella development-doc)
set(CPACK_COMPONENTS_ALL ${development})
set(depends libabsl-dev)
if("uv" IN_LIST CLUSTERKIT_COMPONENTS)
  list(APPEND depends libuv1-dev)
endif()
if(BUILD_SHARED_LIBS)
  list(APPEND CPACK_COMPONENTS_ALL runtime)
  list(PREPEND depends "${runtime_package} (= ${PROJECT_VERSION})")
elseif("wire" IN_LIST CLUSTERKIT_COMPONENTS)
  list(APPEND depends libprotobuf-dev)  # A shared library has linked it already.
endif()
list(JOIN depends ", " depends)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${depends}")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, libraries, CMake and pkg-config files.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Shared libraries, for programs that were built with them.")

# Each library's own component holds the shared library too, which here is the other package's.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/PackageSplit.cmake)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${development_package}
  RENAME copyright COMPONENT development-doc EXCLUDE_FROM_ALL)
if(BUILD_SHARED_LIBS)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${runtime_package}
    RENAME copyright COMPONENT runtime EXCLUDE_FROM_ALL)
endif()

include(CPack)
cpack_add_component_group(development)
cpack_add_component_group(runtime)
foreach(component IN LISTS development)
  cpack_add_component(${component} GROUP development)
endforeach()
cpack_add_component(runtime GROUP runtime)
