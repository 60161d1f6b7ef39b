import { useEffect, useState } from 'preact/hooks';
import { readLanguages, type Language } from './languages';

export interface LanguagesState {
  /** Null until they are loaded. */
  languages: Language[] | null;
  /** Why they could not be loaded; null otherwise. */
  error: string | null;
  /** Loads them again, after an error. */
  reload: () => void;
}

/** Loads the languages that the gateway accepts. */
export function useLanguages(): LanguagesState {
  const [languages, setLanguages] = useState<Language[] | null>(null);
  const [error, setError] = useState<string | null>(null);

  function load() {
    setError(null);
    readLanguages().then(setLanguages, (error: unknown) => setError((error as Error).message));
  }
  useEffect(load, []);

  return { languages, error, reload: load };
}
