/** Saved objects in the form in which Kibana 8 exports and imports them. */

export interface SavedObject {
  id: string;
  type: 'index-pattern' | 'visualization' | 'search' | 'dashboard';
  attributes: Record<string, unknown>;
  references: { id: string; name: string; type: string }[];
  /** The Kibana version of the object's format; newer versions migrate it. */
  coreMigrationVersion: string;
}

/** One aggregation of a visualization, as Kibana's editor creates it. */
export interface Aggregation {
  type: 'count' | 'terms' | 'date_histogram' | 'avg' | 'percentiles' | 'min' | 'max';
  schema: 'metric' | 'segment' | 'group' | 'bucket';
  params: Record<string, unknown>;
}

const VERSION = '8.8.0';

/** Columns of a dashboard's grid, and rows of one panel. */
const COLUMNS = 48;
const ROWS = 15;

const metric = (type: Aggregation['type'], params: Record<string, unknown>): Aggregation => {
  return { type, schema: 'metric', params };
};

export const aggregation = {
  count: () => metric('count', {}),
  average: (field: string) => metric('avg', { field }),
  percentiles: (field: string, percents: number[]) => metric('percentiles', { field, percents }),
  earliest: (field: string) => metric('min', { field }),
  most: (field: string) => metric('max', { field }),
  terms: (schema: Aggregation['schema'], field: string, size = 20): Aggregation => {
    return {
      type: 'terms',
      schema,
      params: { field, size, order: 'desc', orderBy: '_key', missingBucket: false },
    };
  },
  histogram: (schema: Aggregation['schema']): Aggregation => {
    const params = { field: '@timestamp', interval: 'auto', min_doc_count: 1, useNormalizedEsInterval: true };
    return { type: 'date_histogram', schema, params };
  },
};

export function dataView(id: string, name: string, title: string, formats: object): SavedObject {
  return {
    ...{ id, type: 'index-pattern', references: [], coreMigrationVersion: VERSION },
    attributes: { title, name, timeFieldName: '@timestamp', fieldFormatMap: JSON.stringify(formats) },
  };
}

/** @param query in Lucene syntax, which Elasticsearch accepts unchanged */
export function visualization(
  view: SavedObject,
  title: string,
  type: string,
  query: string,
  aggregations: Aggregation[],
): SavedObject {
  const aggs = aggregations.map((each, index) => ({ id: String(index + 1), enabled: true, ...each }));
  return {
    ...{ id: idOf(title), type: 'visualization', coreMigrationVersion: VERSION },
    attributes: {
      title,
      description: '',
      version: 1,
      visState: JSON.stringify({
        title,
        type,
        params: { type, addTooltip: true, addLegend: true, perPage: 50 },
        aggs,
      }),
      uiStateJSON: '{}',
      kibanaSavedObjectMeta: { searchSourceJSON: searchSource(query) },
    },
    references: [referenceTo(view)],
  };
}

export function savedSearch(
  view: SavedObject,
  title: string,
  query: string,
  columns: string[],
  sort: [field: string, order: 'asc' | 'desc'][],
): SavedObject {
  return {
    ...{ id: idOf(title), type: 'search', coreMigrationVersion: VERSION },
    attributes: {
      ...{ title, description: '', columns, sort, grid: {}, hideChart: false },
      kibanaSavedObjectMeta: { searchSourceJSON: searchSource(query) },
    },
    references: [referenceTo(view)],
  };
}

/** Two panels per row; with one or two panels, each gets a full row. */
export function dashboard(title: string, description: string, shown: SavedObject[]): SavedObject {
  const width = shown.length > 2 ? COLUMNS / 2 : COLUMNS;
  const perRow = COLUMNS / width;
  const panels = shown.map(({ type }, index) => {
    const panelIndex = String(index + 1);
    const gridData = { x: (index % perRow) * width, y: Math.floor(index / perRow) * ROWS, w: width, h: ROWS };
    return {
      ...{ type, panelIndex, embeddableConfig: {}, panelRefName: `panel_${panelIndex}` },
      gridData: { ...gridData, i: panelIndex },
    };
  });
  return {
    ...{ id: idOf(title), type: 'dashboard', coreMigrationVersion: VERSION },
    attributes: {
      ...{ title, description, version: 1, timeRestore: true, timeFrom: 'now-24h', timeTo: 'now' },
      panelsJSON: JSON.stringify(panels),
      optionsJSON: JSON.stringify({ useMargins: true, syncColors: true, hidePanelTitles: false }),
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { language: 'kuery', query: '' }, filter: [] }),
      },
    },
    references: shown.map(({ id, type }, index) => {
      return { id, type, name: `${index + 1}:panel_${index + 1}` };
    }),
  };
}

const INDEX = 'kibanaSavedObjectMeta.searchSourceJSON.index';

function searchSource(query: string): string {
  return JSON.stringify({ query: { language: 'lucene', query }, filter: [], indexRefName: INDEX });
}

function referenceTo({ id, type }: SavedObject) {
  return { id, type, name: INDEX };
}

/** The same at every import, so that a new import replaces the earlier object. */
function idOf(title: string): string {
  return `orchestration-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
}
