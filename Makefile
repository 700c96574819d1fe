# The front: Meson and Ninja do the work.
BUILD := build
CHECK := build/check

# Where `make install` puts it; DESTDIR goes before that.
PREFIX := /usr/local

.PHONY: all everything install demo check scenarios bench fuzz soak threads format clean

# What is installed; the benchmarks' programs come with `everything`.
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(NINJAFLAGS) sallyportd sallyport

everything: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(NINJAFLAGS)

$(BUILD)/build.ninja:
	@tools/install-deps build
	@meson setup $(BUILD) --buildtype release >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log

install: all
	@meson configure $(BUILD) --prefix $(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

demo:
	@tools/install-deps build run
	@$(MAKE) --no-print-directory all
	@tools/demo

check:
	@tools/check

scenarios:
	@tools/check --scenarios

bench:
	@tools/install-deps build bench run
	@$(MAKE) --no-print-directory everything
	@tools/bench

fuzz:
	@tools/install-deps build fuzz
	@tools/fuzz

coverage:
	@tools/install-deps build run test coverage
	@tools/coverage

soak:
	@tools/install-deps build run test
	@$(MAKE) --no-print-directory everything
	@tools/soak

threads:
	@tools/install-deps build run test
	@tools/threads

format:
	@tools/install-deps format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD)
