# Builds what the suite needs on top of a build of TazPod: make -C BUILD -f .../bench.mk open-vault
include Makefile

bench_dir = $(abs_top_srcdir)/tests/bench

# What libtazpod.la stands on, only libtool knows.
open-vault: $(bench_dir)/open-vault.c $(bench_dir)/bench.mk libtazpod.la
	$(LIBTOOL) --silent --tag=CC --mode=link $(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -o $@ $< \
		$(AM_LDFLAGS) $(LDFLAGS) libtazpod.la
