# Builds what the suite needs on top of a build of TazPod: make -C BUILD -f .../pam.mk pam-test
include Makefile

pam_test_dir = $(abs_top_srcdir)/tests/pam
pam_test_compile = $(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -iquote $(pam_test_dir)
pam_test_sources = application.c watch.c world.c test_pam.c test_settings.c test_auth.c test_create.c test_session.c \
	test_sshd.c test_change.c test_worker.c test_process.c test_real.c
pam_test_defines = \
	-DTEST_MODULE='"$(abs_top_builddir)/.libs/pam_tazpod.so"' \
	-DTEST_REAL_WORKER='"$(abs_top_builddir)/tazpod-worker/tazpod-worker"' \
	-DTEST_SCRIPTED_WORKER='"$(abs_top_builddir)/fake_worker"' \
	-DTEST_WRAPPER_MODULES='"$(shell $(PKG_CONFIG) --variable=modules pam_wrapper)"'

.PHONY: pam-test
pam-test: test_pam fake_worker valgrind_syscalls.so

# Its functions stand before those of libc: they are exported.
test_pam: $(addprefix $(pam_test_dir)/,$(pam_test_sources) pam_test.h place.h script.h pam.mk) .libs/libtazpod-base.a
	$(pam_test_compile) $(CMOCKA_CFLAGS) $(pam_test_defines) -o $@ \
		$(addprefix $(pam_test_dir)/,$(pam_test_sources)) -Wl,--export-dynamic $(LDFLAGS) $(CMOCKA_LIBS) $(PAM_LIBS)

fake_worker: $(pam_test_dir)/fake_worker.c $(pam_test_dir)/script.h .libs/libtazpod-base.a
	$(pam_test_compile) -o $@ $(pam_test_dir)/fake_worker.c $(LDFLAGS) .libs/libtazpod-base.a

valgrind_syscalls.so: $(pam_test_dir)/valgrind_syscalls.c $(pam_test_dir)/pam.mk
	$(pam_test_compile) -shared -fPIC -o $@ $< $(LDFLAGS)
