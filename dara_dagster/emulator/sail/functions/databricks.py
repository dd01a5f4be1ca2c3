"""Which functions SQL on Databricks has; listed are those that neither Spark's Python API nor Sail 0.7.2 has.

Each name stands in the alphabetical list of Databricks SQL's functions, or in one of the lists it leads to:

- https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-functions-builtin-alpha
- https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-h3-geospatial-functions-alpha
- https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-st-geospatial-functions-alpha

The functions of Avro and Protocol Buffers are of Spark's SQL: https://spark.apache.org/docs/4.0.1/api/sql/
"""

from __future__ import annotations

from pyspark.sql import functions

__all__ = ["is_databricks_function"]

_AI = """
    ai_analyze_sentiment ai_classify ai_decide ai_detect_anomalies ai_enrich ai_extract ai_fix_grammar
    ai_forecast ai_gen ai_generate_text ai_mask ai_parse_document ai_predict_class ai_predict_value
    ai_prep_search ai_query ai_search ai_similarity ai_summarize ai_top_drivers ai_transcribe
    ai_translate
"""
_H3 = """
    h3_boundaryasgeojson h3_boundaryaswkb h3_boundaryaswkt h3_centerasgeojson h3_centeraswkb
    h3_centeraswkt h3_compact h3_coverash3 h3_coverash3string h3_distance h3_h3tostring h3_hexring
    h3_ischildof h3_ispentagon h3_isvalid h3_kring h3_kringdistances h3_longlatash3 h3_longlatash3string
    h3_maxchild h3_minchild h3_pointash3 h3_pointash3string h3_polyfillash3 h3_polyfillash3string
    h3_resolution h3_stringtoh3 h3_tessellateaswkb h3_tochildren h3_toparent h3_try_coverash3
    h3_try_coverash3string h3_try_distance h3_try_polyfillash3 h3_try_polyfillash3string
    h3_try_tessellateaswkb h3_try_validate h3_uncompact h3_validate
"""
_ST = """
    st_addpoint st_area st_asewkb st_asewkt st_asgeojson st_astext st_aswkb st_aswkt st_azimuth
    st_boundary st_buffer st_centroid st_closestpoint st_concavehull st_contains st_convexhull st_covers
    st_difference st_dimension st_disjoint st_distance st_distancesphere st_distancespheroid st_dump
    st_dwithin st_endpoint st_envelope st_envelope_agg st_equals st_estimatesrid st_exteriorring
    st_flipcoordinates st_force2d st_geogfromewkt st_geogfromgeojson st_geogfromtext st_geogfromwkt
    st_geohash st_geometryn st_geometrytype st_geomfromewkb st_geomfromewkt st_geomfromgeohash
    st_geomfromgeojson st_geomfromtext st_geomfromwkt st_interiorringn st_intersection st_intersects
    st_isempty st_isvalid st_length st_m st_makeline st_makepolygon st_multi st_ndims st_npoints
    st_nrings st_numgeometries st_numinteriorrings st_numpoints st_perimeter st_point
    st_pointfromgeohash st_pointn st_removepoint st_reverse st_rotate st_scale st_setpoint st_simplify
    st_startpoint st_touches st_transform st_translate st_union st_union_agg st_within st_x st_xmax
    st_xmin st_y st_ymax st_ymin st_z st_zmax st_zmin
"""
_OTHERS = """
    agg approx_top_k approx_top_k_accumulate approx_top_k_combine approx_top_k_estimate charindex
    cloud_files_state collations current_metastore current_recipient current_version event_log from_avro
    from_protobuf getdate http_request is_account_group_member is_member isearch list_secrets measure
    parse_timestamp python_worker_logs read_files read_kafka read_kinesis read_pubsub read_pulsar
    read_state_metadata read_statestore remote_query schema_of_avro schema_of_json_agg search secret
    sql_keywords table_changes timediff to_avro to_geography to_geometry to_protobuf try_parse_timestamp
    try_secret try_to_geography try_to_geometry try_zstd_decompress vector_avg vector_norm
    vector_normalize vector_search vector_sum zstd_compress zstd_decompress
"""
_PYTHON_ONLY = """
    arrow_udf arrow_udtf asc asc_nulls_first asc_nulls_last broadcast bucket call_function call_udf col
    column count_distinct create_map days desc desc_nulls_first desc_nulls_last expr hours
    listagg_distinct lit months negate pandas_udf string_agg_distinct sum_distinct udf udtf unwrap_udt
    years
"""
"""Names of Spark's Python API that SQL does not know."""
_NAMES = {*_AI.split(), *_H3.split(), *_ST.split(), *_OTHERS.split()}
_NAMES |= set(dir(functions)) - set(_PYTHON_ONLY.split())


def is_databricks_function(name: str) -> bool:
    """Return whether SQL on Databricks has a function of this name (in lower case)."""
    return name in _NAMES
