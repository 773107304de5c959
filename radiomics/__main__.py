"""``python -m radiomics``: the command line."""

from radiomics.pipelines.commands.start import main

if __name__ == "__main__":
    main()
