from tests.architecture.checkout import ROOT, python_files

LONGEST_FILE_LINES = 300


def test_no_file_is_longer_than_can_be_read_at_once():
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("pipeline")
    }
    assert sizes, "no files found: the test looks at the wrong place"
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE_LINES} == {}


def test_every_init_file_is_empty_so_that_each_name_has_one_import_path():
    inits = [path for path in python_files("pipeline") if path.name == "__init__.py"]
    assert inits, "no files found: the test looks at the wrong place"
    assert [str(path.relative_to(ROOT)) for path in inits if path.read_bytes()] == []


def test_every_folder_with_modules_is_a_package():
    # Without __init__.py import-linter does not see the folder, so its imports would go unchecked.
    folders = {path.parent for path in python_files("pipeline")}
    scripts = ROOT / "pipeline/adapters/storage/migrations"  # run by Alembic, never imported
    assert [
        str(folder.relative_to(ROOT))
        for folder in sorted(folders)
        if not (folder / "__init__.py").exists() and not folder.is_relative_to(scripts)
    ] == []
