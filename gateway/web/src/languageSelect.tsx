import type { Language } from './languages';
import type { LanguagesState } from './useLanguages';

interface LanguageSelectProps {
  /** The name of the selected language. The gateway may not accept it any more. */
  selected: string;
  available: LanguagesState;
  onSelect: (language: Language) => void;
}

/** The language of the draft. It can be changed once the list of languages is loaded. */
export function LanguageSelect({ selected, available, onSelect }: LanguageSelectProps) {
  const { languages, error, reload } = available;
  const isListed = languages?.some(({ name }) => name === selected) ?? false;

  function select(name: string) {
    const language = languages?.find((each) => each.name === name);
    if (language) onSelect(language);
  }

  return (
    <>
      <label>
        Language
        <select
          value={selected}
          disabled={languages === null}
          onChange={({ currentTarget }) => select(currentTarget.value)}
        >
          {!isListed && (
            <option value={selected}>{languages ? `${selected} (not available)` : selected}</option>
          )}
          {languages?.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {error !== null && (
        <span role="alert">
          Could not load the list of languages: {error}{' '}
          <button type="button" onClick={reload}>
            Try again
          </button>
        </span>
      )}
    </>
  );
}
